"""An archive of a model at a web address."""

from typing import Annotated, Any, Final

from pydantic import StringConstraints

from tflite_api import urls
from tflite_api.field_types import HOST
from tflite_api.schema import Schema, matching
from tflite_api.sources.source import ARCHIVE_ENDS, Source

ARCHIVE_URL_PATTERN: Final = rf"^https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+(?:\?[A-Za-z0-9._~%!$&()*+,;=:@/?-]+)?$"

ArchiveURL = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    matching(
        ARCHIVE_URL_PATTERN,
        "must be an https:// or http:// address of a tar, tar.gz or zip archive, without user or fragment:"
        " write for example https://example.com/models/mobilenet-v2.tar.gz",
    ),
]


class ArchiveSource(Schema, Source):
    """An archive of a SavedModel at any web address."""

    url: ArchiveURL

    @property
    def uri(self) -> str:
        """The address."""
        return self.url

    @classmethod
    def fields_of(cls, address: str) -> dict[str, Any] | None:
        """Return the fields for an archive's address, or None: a Hub handle has no query and no archive's name."""
        parts = urls.split(address)
        if parts is None or not address.startswith("http"):
            return None
        return {"url": address} if ARCHIVE_ENDS.search(parts.path) or "?" in address else None
