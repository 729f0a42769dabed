"""gs:// handles, against a stand-in for a bucket's answers: Google's cannot be reached from a test.

That the same requests work without a signature is shown against a real S3 server in tests/e2e/storage/test_sources.py.
"""

from pathlib import Path

import pytest

from tests.unit.converter.fetch.archive.archives import zipped
from tests.unit.converter.fetch.sources.test_s3 import FOLDER, bucket_of
from tests.unit.converter.fetch.test_fetched import FILES, contents
from tests.unit.converter.storage.servers.memory_store import MemoryStore
from tflite_api.reasons import Reason
from tflite_api.sources.model_source import ModelSource
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import model
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.storage.credentials import Credentials, Nobody
from tflite_converter.storage.store import Fault, Server, StoreError


@pytest.fixture
def bucket() -> MemoryStore:
    return bucket_of(FOLDER | {"tiny/10/other": b"x", "tiny/1.tar.gz": zipped(*FILES.items())})


def fetched(tmp_path: Path, bucket: MemoryStore, path: str) -> FetchedModel:
    def connect(server: Server, credentials: Credentials) -> MemoryStore:
        assert (server, credentials) == (Server("https://storage.googleapis.com", "auto"), Nobody())
        return bucket

    (tmp_path / "unpacked").mkdir()
    place = Place(tmp_path / "unpacked", tmp_path, FetchLimits(), LoggedProgress(), connect)
    return model.fetch(ModelSource(handle=f"gs://models/{path}"), place)


@pytest.mark.parametrize("path", ["tiny/1", "tiny/1/", "tiny/1.tar.gz"])
def test_an_archive_or_a_folder_is_fetched(tmp_path: Path, bucket: MemoryStore, path: str) -> None:
    assert contents(fetched(tmp_path, bucket, path).folder) == FILES


def test_what_is_not_there_is_named(tmp_path: Path, bucket: MemoryStore) -> None:
    with pytest.raises(StepFailure, match=r"nothing at gs://models/tiny/2: correct model\.handle") as caught:
        fetched(tmp_path, bucket, "tiny/2")
    assert caught.value.reason is Reason.MODEL_NOT_FOUND


@pytest.mark.parametrize(
    ("said", "meant", "words"),
    [
        (Fault.NO_BUCKET, Reason.MODEL_NOT_FOUND, "correct model.handle"),
        (Fault.REFUSED, Reason.MODEL_ACCESS_DENIED, "model.s3 instead"),
        (Fault.UNAVAILABLE, Reason.MODEL_UNAVAILABLE, "the server says no"),
        (Fault.OTHER_REGION, Reason.INVALID_SPEC, "Correct model.handle"),
        (Fault.UNKNOWN_HOST, Reason.SERVER_UNREACHABLE, "take the model from model.s3 or model.volume"),
        (Fault.UNKNOWN_AUTHORITY, Reason.SERVER_UNREACHABLE, "CONVERTER_CA_CONFIG_MAP"),
    ],
)
def test_what_the_storage_says_is_said_of_the_handle(
    tmp_path: Path, bucket: MemoryStore, said: Fault, meant: Reason, words: str
) -> None:
    bucket.faults["tiny/1"] = StoreError(said, "the server says no")
    with pytest.raises(StepFailure) as caught:
        fetched(tmp_path, bucket, "tiny/1")
    assert caught.value.reason is meant
    assert words in caught.value.message
    assert "destination" not in caught.value.message
