"""A Hub handle's model is fetched within limits, and left where tensorflow_hub finds it."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.daemons import hub
from tests.unit.background_server import serving_in_background
from tests.unit.converter.fetch.test_fetched import FILES, contents
from tflite_api.reasons import Reason
from tflite_api.sources.handle import HandleSource
from tflite_api.steps.step import FetchLimits
from tflite_converter.core import hub_cache
from tflite_converter.core.digests import folder_digest, prefixed
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.fetch.sources import handle

LIMITS = FetchLimits(allow_local_addresses=True)
_AS_USERS_DO = """
import os, sys
os.environ |= {"TFHUB_CACHE_DIR": sys.argv[2], "TF_CPP_MIN_LOG_LEVEL": "3"}
import tensorflow_hub
print(tensorflow_hub.resolve(sys.argv[1]))
"""


@pytest.fixture
def hub_server(tmp_path: Path) -> Iterator[str]:
    """Serve a model as a folder (flat/1) and in an archive that has a folder around it (nested/1)."""
    folder = tmp_path / "served" / "flat" / "1"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    nested = tmp_path / "served" / "nested"
    nested.mkdir()
    with tarfile.open(nested / "1.tar.gz", "w:gz") as archive:
        archive.add(folder, "inner/model")
    server = hub.serve(tmp_path / "served", "127.0.0.1", 0)
    with serving_in_background(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def fetched(named: str, tmp_path: Path, limits: FetchLimits = LIMITS) -> FetchedModel:
    (tmp_path / "cache").mkdir()
    return handle.fetch(HandleSource(named), None, Place(tmp_path / "cache", tmp_path, limits, LoggedProgress()))


@pytest.mark.parametrize("name", ["flat", "nested"])
def test_a_model_lies_where_tensorflow_hub_looks_for_it(hub_server: str, name: str, tmp_path: Path) -> None:
    found = fetched(f"{hub_server}/{name}/1", tmp_path)
    assert found.folder == hub_cache.folder_of(f"{hub_server}/{name}/1", tmp_path / "cache")
    assert contents(found.folder) == FILES
    assert found.digest == prefixed(folder_digest(tmp_path / "served" / "flat" / "1"))


def test_the_limits_hold_for_a_hub_handle(hub_server: str, tmp_path: Path) -> None:
    small = LIMITS.model_copy(update={"max_unpacked_bytes": 4})
    with pytest.raises(StepFailure) as caught:
        fetched(f"{hub_server}/flat/1", tmp_path, small)
    assert caught.value.reason is Reason.MODEL_TOO_LARGE


@pytest.mark.tensorflow
def test_tensorflow_hub_finds_it_as_users_call_it_with_nobody_to_ask(hub_server: str, tmp_path: Path) -> None:
    named = f"{hub_server}/nested/1"
    found = fetched(named, tmp_path)
    # A name that no server can have: whoever looked elsewhere would fail.
    moved = "https://nowhere.invalid/nested/1"
    found.folder.rename(hub_cache.folder_of(moved, tmp_path / "cache"))
    command = [sys.executable, "-W", "ignore", "-c", _AS_USERS_DO, moved, str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(hub_cache.folder_of(moved, tmp_path / "cache"))
