"""What people write for a model on a command line becomes the source that a spec names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tflite_api.sources.source import AddressError
from tflite_converter.fetch.address import Bucket, source_of

AWS = Bucket()
S3 = Bucket("https://s3.example.com", "eu-west-1")


def fields(text: str, bucket: Bucket = AWS, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    return source_of(text, None, bucket, environment or {}).to_object()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("https://tfhub.dev/google/yamnet/1", {"handle": "https://tfhub.dev/google/yamnet/1"}),
        ("gs://models/yamnet/1", {"handle": "gs://models/yamnet/1"}),
        ("https://example.com/yamnet.tar.bz2", {"archive": {"url": "https://example.com/yamnet.tar.bz2"}}),
        ("https://example.com/get?model=1", {"archive": {"url": "https://example.com/get?model=1"}}),
        ("s3://training/a/yamnet.tar.gz", {"s3": {"bucket": "training", "key": "a/yamnet.tar.gz"}}),
        ("s3://training/yamnet/1", {"s3": {"bucket": "training", "prefix": "yamnet/1"}}),
        ("s3://training/yamnet/1/", {"s3": {"bucket": "training", "prefix": "yamnet/1/"}}),
        (
            "https://www.kaggle.com/models/google/yamnet/tensorFlow2/yamnet/1/",
            {"kaggle": {"handle": "google/yamnet/tensorFlow2/yamnet/1"}},
        ),
    ],
)
def test_an_address_tells_its_source(text: str, source: dict[str, Any]) -> None:
    regional = {"region": "us-east-1", "addressingStyle": "Auto"}
    if "s3" in source:
        source = {"s3": source["s3"] | regional}
    assert fields(text) == source


def test_a_folder_here_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert fields("my model") == {"handle": (tmp_path / "my model").as_uri()}


def test_a_bucket_has_its_server_and_its_region() -> None:
    found = fields("s3://training/yamnet/1", S3)["s3"]
    assert found == {
        "bucket": "training",
        "prefix": "yamnet/1",
        "endpoint": "https://s3.example.com",
        "region": "eu-west-1",
        "addressingStyle": "Auto",
    }


def test_credentials_of_the_environment_are_used_where_they_are_the_models() -> None:
    others = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert "secretRef" not in fields("s3://training/yamnet/1", environment=others)["s3"]
    found = fields("s3://training/yamnet/1", environment={f"MODEL_{name}": value for name, value in others.items()})
    assert found["s3"]["secretRef"]["name"] == "model-credentials"
    page = "https://www.kaggle.com/models/google/yamnet/tensorFlow2/yamnet/1"
    assert fields(page, environment={"KAGGLE_USERNAME": "a", "KAGGLE_KEY": "b"})["kaggle"]["secretRef"] == {
        "name": "kaggle"
    }


@pytest.mark.parametrize(
    ("text", "bucket", "words"),
    [
        ("no-such-folder", AWS, "no file or folder no-such-folder here"),
        ("s3://training", AWS, "write for example s3://training/flowers/1/model.tar.gz"),
        ("s3://training/", AWS, "write for example s3://training/flowers/1/model.tar.gz"),
        ("https://tfhub.dev/google/yamnet/1", S3, "leave them out for this one"),
    ],
)
def test_what_is_no_address_of_a_model_says_what_to_write(text: str, bucket: Bucket, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        fields(text, bucket)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s3://training/a/../b", "without empty, '.' or '..' segments"),
        ("https://www.kaggle.com/models/google/yamnet", "must be owner/model/framework/variation"),
        ("ftp://example.com/yamnet", "must be an http://, https:// or gs:// address"),
    ],
)
def test_a_wrong_part_of_an_address_is_named(text: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        fields(text)
