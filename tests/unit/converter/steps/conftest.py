"""What steps find in their environment."""

import json
from pathlib import Path

import pytest

from tests.unit.converter.signing import attestations, signing_keys
from tests.unit.converter.steps import convert_output
from tflite_api.names import VERIFYING_KEY_ENV
from tflite_converter.fetch import model
from tflite_converter.fetch.fetched import FetchedModel


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds a key to sign with, and the one to verify with."""
    for name, value in attestations.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(VERIFYING_KEY_ENV, signing_keys.public(signing_keys.P256).decode())


@pytest.fixture
def fetched_by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server is asked for the model."""
    monkeypatch.setattr(model, "fetch", lambda *_: FetchedModel(tmp_path, f"sha256:{'3' * 64}"))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What the convert step of the forged artifact leaves."""
    folder = tmp_path / "output"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(convert_output.ARTIFACT)
    (folder / "converted.json").write_text(json.dumps(convert_output.REPORT))
    return folder
