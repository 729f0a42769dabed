"""A model that a TensorFlow Hub handle names."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import StringConstraints

from tflite_api.field_types import HOST
from tflite_api.schema import matching
from tflite_api.sources.source import Source, path_parts

HANDLE_PATTERN: Final = (
    rf"^(?:https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+|gs://[a-z0-9][a-z0-9._-]{{1,220}}/[A-Za-z0-9!_.*'()=+@/-]+)$"
)
FILE_SCHEME: Final = "file://"
"""Of a model of this machine, for a run without a cluster."""

Handle = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    matching(
        HANDLE_PATTERN,
        "must be an http://, https:// or gs:// address with a path, without user, query or fragment:"
        " write for example https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5",
    ),
]


@dataclass(frozen=True)
class HandleSource(Source):
    """What a handle names; in a spec it is a text."""

    handle: str

    @property
    def uri(self) -> str:
        """The handle."""
        return self.handle

    @property
    def name_parts(self) -> list[str]:
        """A handle ends with what the model is for, and with its version."""
        return path_parts(self.handle)[-1 if self.handle.startswith(FILE_SCHEME) else -2 :]

    @classmethod
    def fields_of(cls, address: str) -> str:
        """Take what no other kind does."""
        return address
