"""gs:// handles, against a stand-in for a bucket's answers: Google's cannot be reached from a test.

That the same requests work without a signature is shown against a real S3 server in tests/e2e/test_sources.py.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.fetch.archive.test_unpack import zipped
from tests.unit.converter.fetch.sources.test_s3 import Bucket
from tests.unit.converter.fetch.test_fetched import FILES, contents
from tflite_api.model_source import ModelSource
from tflite_api.reasons import Reason
from tflite_api.step import FetchLimits
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import model
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.storage.s3 import Storage


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = {f"tiny/1/{name}": content for name, content in FILES.items()}
    Bucket(monkeypatch, folder | {"tiny/10/other": b"x", "tiny/1.tar.gz": zipped(*FILES.items())})


def fetched(tmp_path: Path, handle: str) -> FetchedModel:
    (tmp_path / "unpacked").mkdir()
    place = Place(tmp_path / "unpacked", tmp_path, FetchLimits(), LoggedProgress())
    return model.fetch(ModelSource(handle=handle), place)


@pytest.mark.parametrize("path", ["tiny/1", "tiny/1/", "tiny/1.tar.gz"])
def test_an_archive_or_a_folder_is_fetched(tmp_path: Path, path: str) -> None:
    assert contents(fetched(tmp_path, f"gs://some_models/{path}").folder) == FILES


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepFailure, match=r"nothing at gs://models/tiny/2: correct model\.handle") as caught:
        fetched(tmp_path, "gs://models/tiny/2")
    assert caught.value.reason is Reason.MODEL_NOT_FOUND


@pytest.mark.parametrize(
    ("said", "meant", "words"),
    [
        (Reason.BUCKET_NOT_FOUND, Reason.MODEL_NOT_FOUND, "correct model.handle"),
        (Reason.CREDENTIALS_REFUSED, Reason.MODEL_ACCESS_DENIED, "model.s3 instead"),
        (Reason.STORAGE_UNAVAILABLE, Reason.MODEL_UNAVAILABLE, "the server says no"),
    ],
)
def test_what_the_storage_says_is_said_of_the_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Reason, meant: Reason, words: str
) -> None:
    def answer(*_: object) -> Any:
        raise StepFailure(said, "the server says no", OWN_CURE)

    monkeypatch.setattr(Storage, "open", answer)
    with pytest.raises(StepFailure) as caught:
        fetched(tmp_path, "gs://models/tiny/1")
    assert caught.value.reason is meant
    assert words in caught.value.message
    assert "destination" not in caught.value.message
