"""Where a model comes from: one of several kinds of sources."""

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.field_types import PRINTABLE, Sha256
from tflite_api.schema import Schema
from tflite_api.sources.archive import ArchiveSource
from tflite_api.sources.handle import Handle, HandleSource
from tflite_api.sources.kaggle import KaggleSource
from tflite_api.sources.s3 import S3Source
from tflite_api.sources.source import Source
from tflite_api.sources.volume import VolumeSource

SOURCES: Final[Mapping[str, type[Source]]] = {
    "handle": HandleSource,
    "archive": ArchiveSource,
    "s3": S3Source,
    "volume": VolumeSource,
    "kaggle": KaggleSource,
}
"""By the field of `spec.model`, a single word, of which a model has one.

From the most general to the most particular: an address on a command line belongs to the last that knows it.
"""


def _unique_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) != len(tags):
        raise ValueError("names a tag twice: write each once")
    return tags


Tag = Annotated[str, StringConstraints(min_length=1, max_length=64), PRINTABLE]


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
            *others, last = SOURCES
            raise ValueError(f"set exactly one source of the model: {', '.join(others)} or {last}")
        return self

    @property
    def kind(self) -> str:
        """The field that names the source."""
        return next(name for name in SOURCES if getattr(self, name) is not None)

    @property
    def source(self) -> Source:
        """The source."""
        found: Source | str = getattr(self, self.kind)
        return HandleSource(found) if isinstance(found, str) else found
