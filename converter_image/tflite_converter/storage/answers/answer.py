"""An error as an S3 server answers with it, bounded and made harmless: whoever answers is not trusted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from tflite_api.text import one_line
from tflite_converter.storage.store import Location

FOREIGN: Final = "TfliteForeignText"
"""Under which a client keeps what an answer holds in the place of S3's XML."""
_CODE_CHARACTERS: Final = 64
_MESSAGE_CHARACTERS: Final = 300
_ADDRESS_CHARACTERS: Final = 1024


_SECRET: Final = re.compile(r"[A-Za-z0-9+/=]{32,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}")
"""What may be a part of somebody's credentials, or of a signature."""


class Doing(Enum):
    """What a request is about."""

    READ = auto()
    WRITE = auto()
    DELETE = auto()


@dataclass(frozen=True)
class Asked:
    """A request."""

    at: Location
    doing: Doing = Doing.READ
    size: int | None = None
    """Bytes that are uploaded."""
    on_condition: bool = False
    """Whether it is to be done only where a condition holds."""
    with_checksum: bool = False
    """Whether it carries a checksum that not every storage knows."""


@dataclass(frozen=True)
class Answer:
    """An error of a server, as it says it."""

    code: str
    """The error's code; a HEAD has no body, so botocore puts the status there."""
    status: int
    """Of HTTP; 0 where it has none."""
    message: str = ""
    """Its own words: one printable line, with what Google Cloud Storage tells apart from them."""
    region: str = ""
    """Where the bucket is, as it says."""
    endpoint: str = ""
    """Where to ask, as it says."""
    location: str = ""
    """Where it leads to."""
    header: str = ""
    """Of the request, which it does not know, as it says."""
    foreign: str | None = None
    """The beginning of what it holds in the place of S3's XML."""

    @property
    def shown(self) -> str:
        """The code as it may be shown."""
        return re.sub(r"[^A-Za-z0-9._-]", "", self.code)[:_CODE_CHARACTERS]

    @classmethod
    def of(cls, error: ClientError) -> Self:
        """Take what botocore made of an answer."""
        said: Mapping[str, Any] = error.response.get("Error", {})
        about: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
        headers: Mapping[str, Any] = about.get("HTTPHeaders", {})
        foreign = error.response.get(FOREIGN)
        status = about.get("HTTPStatusCode", 0)
        words = f"{_text(said.get('Message'))} {_text(said.get('Details'))}"
        return cls(
            code=_text(said.get("Code")) or str(status),
            status=status,
            message=_SECRET.sub("…", one_line(words, _MESSAGE_CHARACTERS)).replace('"', "'"),
            region=one_line(_text(headers.get("x-amz-bucket-region") or said.get("Region")), _CODE_CHARACTERS),
            endpoint=one_line(_text(said.get("Endpoint")), _ADDRESS_CHARACTERS),
            header=one_line(_text(said.get("Header")), _CODE_CHARACTERS),
            location=one_line(_text(headers.get("location")), _ADDRESS_CHARACTERS),
            foreign=foreign if isinstance(foreign, str) else None,
        )


def _text(value: object) -> str:
    """Return a value of an answer as text: where an element comes twice, botocore makes a list of it."""
    return value if isinstance(value, str) else ""
