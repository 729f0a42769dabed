"""Where a model comes from: one of several sources."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.field_types import (
    HOST,
    KEY_PATTERN,
    Bucket,
    Endpoint,
    Key,
    ObjectName,
    Region,
    SecretReference,
    Sha256,
)
from tflite_api.schema import Schema, matching

HANDLE_PATTERN: Final = (
    rf"^(?:https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+|gs://[a-z0-9][a-z0-9._-]{{1,220}}/[A-Za-z0-9!_.*'()=+@/-]+)$"
)
ARCHIVE_URL_PATTERN: Final = rf"^https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+(?:\?[A-Za-z0-9._~%!$&()*+,;=:@/?-]+)?$"

PATH_PATTERN: Final = r"^[^\x00-\x1f\x7f]+$"

KAGGLE_HANDLE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*){3}(?:/[1-9][0-9]{0,8})?$"

SOURCES: Final = ("handle", "archive", "s3", "volume", "kaggle")
"""The fields of which a model has one."""


def _unique_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) != len(tags):
        raise ValueError("names a tag twice: write each once")
    return tags


def _normalised(path: str) -> str:
    if any(segment in {"", ".", ".."} for segment in path.removesuffix("/").split("/")):
        raise ValueError("must be relative, without empty, '.' or '..' segments: write for example models/mobilenet/1")
    return path


Handle = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    matching(
        HANDLE_PATTERN,
        "must be an http://, https:// or gs:// address with a path, without user, query or fragment:"
        " write for example https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5",
    ),
]
ArchiveURL = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    matching(
        ARCHIVE_URL_PATTERN,
        "must be an https:// or http:// address of a tar, tar.gz or zip archive, without user or fragment:"
        " write for example https://example.com/models/mobilenet-v2.tar.gz",
    ),
]
Prefix = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    matching(KEY_PATTERN, "must hold only letters, digits and the characters ! _ . * ' ( ) = + @ / -"),
    AfterValidator(_normalised),
]
VolumePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    matching(PATH_PATTERN, "must hold no control characters"),
    AfterValidator(_normalised),
]
KaggleHandle = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512),
    matching(
        KAGGLE_HANDLE_PATTERN,
        "must be owner/model/framework/variation, with /version to stay at one: write for example"
        " google/mobilenet-v2/tensorFlow2/130-224-classification/1",
    ),
]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ArchiveSource(Schema):
    """An archive of a SavedModel at any web address."""

    url: ArchiveURL

    @property
    def uri(self) -> str:
        """The address."""
        return self.url


class S3Source(Schema):
    """An archive of a SavedModel in a bucket, or the folder of one."""

    bucket: Bucket
    key: Key | None = None
    prefix: Prefix | None = None
    endpoint: Endpoint | None = None
    region: Region = "us-east-1"
    secret_ref: SecretReference | None = None

    @model_validator(mode="after")
    def _name_one_thing(self) -> Self:
        if (self.key is None) == (self.prefix is None):
            raise ValueError("set key for an archive or prefix for a folder, one of them")
        return self

    @property
    def field(self) -> str:
        """The field of the spec that says where in the bucket the model is."""
        return "model.s3.key" if self.key is not None else "model.s3.prefix"

    @property
    def uri(self) -> str:
        """The address people write: s3://bucket/key, with a slash behind a folder."""
        return f"s3://{self.bucket}/{self.key or (self.prefix or '').removesuffix('/') + '/'}"


class VolumeSource(Schema):
    """An archive of a SavedModel in a volume, or the folder of one."""

    claim_name: ObjectName
    path: VolumePath | None = None

    @property
    def uri(self) -> str:
        """The address as KServe writes it: pvc://claim/path."""
        return f"pvc://{self.claim_name}/{self.path or ''}"


class KaggleSource(Schema):
    """A version of a model of Kaggle."""

    handle: KaggleHandle
    secret_ref: SecretReference | None = None

    @property
    def framework(self) -> str:
        """The third part of the handle."""
        return self.handle.split("/")[2]

    @property
    def uri(self) -> str:
        """The address of its page."""
        return f"https://www.kaggle.com/models/{self.handle}"


class ModelSource(Schema):
    """Where the model comes from, and what must be in it."""

    handle: Handle | None = None
    archive: ArchiveSource | None = None
    s3: S3Source | None = None
    volume: VolumeSource | None = None
    kaggle: KaggleSource | None = None
    sha256: Sha256 | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=8), AfterValidator(_unique_tags)] | None = None

    @model_validator(mode="after")
    def _name_one_source(self) -> Self:
        if sum(getattr(self, name) is not None for name in SOURCES) != 1:
            raise ValueError(f"set exactly one source of the model: {', '.join(SOURCES[:-1])} or {SOURCES[-1]}")
        return self

    @property
    def uri(self) -> str:
        """The model's address, as the attestation of an artifact names it."""
        source = next(one for name in SOURCES if (one := getattr(self, name)) is not None)
        return source if isinstance(source, str) else str(source.uri)
