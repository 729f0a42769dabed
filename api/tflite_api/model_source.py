"""Where a model comes from: one of several sources."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.field_types import HOST, Sha256
from tflite_api.schema import Schema, matching

HANDLE_PATTERN: Final = rf"^https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+$"
ARCHIVE_URL_PATTERN: Final = rf"^https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+(?:\?[A-Za-z0-9._~%!$&()*+,;=:@/?-]+)?$"

SOURCES: Final = ("handle", "archive")
"""The fields of which a model has one."""


def _unique_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) != len(tags):
        raise ValueError("names a tag twice: write each once")
    return tags


Handle = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    matching(
        HANDLE_PATTERN,
        "must be an http:// or https:// address with a path, without user, query or fragment:"
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
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ArchiveSource(Schema):
    """An archive of a SavedModel at any web address."""

    url: ArchiveURL


class ModelSource(Schema):
    """Where the model comes from, and what must be in it."""

    handle: Handle | None = None
    archive: ArchiveSource | None = None
    sha256: Sha256 | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=8), AfterValidator(_unique_tags)] | None = None

    @model_validator(mode="after")
    def _name_one_source(self) -> Self:
        if sum(getattr(self, name) is not None for name in SOURCES) != 1:
            raise ValueError(f"set exactly one source of the model: {', '.join(SOURCES[:-1])} or {SOURCES[-1]}")
        return self
