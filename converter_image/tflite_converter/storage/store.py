"""What a store of objects is to the rest of the converter: places, requests, and what can come of them.

Nothing here knows S3, a spec or a reason: whoever asks a store says in the words of the spec what its answer means.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

Refusal = Callable[[str], str | None]
"""Says why an address must not be connected to; None where it may be."""


@dataclass(frozen=True)
class Server:
    """Where buckets are."""

    endpoint: str | None = None
    """None for Amazon's own."""
    region: str = "us-east-1"
    refusal: Refusal | None = None
    """Asked for every address that a connection is made to; None where each may be."""
    style: Literal["Auto", "Path", "Virtual"] = "Auto"
    """How addresses name the bucket."""
    authorities: Path | None = None
    """A file of all that may have signed its certificate; None for those that every client trusts."""
    patience_seconds: float = 0
    """How long the first connection may be tried for: the network of a pod that has just started may not be ready."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.endpoint or "Amazon S3"

    @property
    def addressing(self) -> Literal["path", "virtual", "auto"]:
        """How the bucket is named in an address: by the path, where a server's name need not cover its buckets."""
        match self.style:
            case "Path":
                return "path"
            case "Virtual":
                return "virtual"
            case _:
                return "path" if self.endpoint else "auto"


@dataclass(frozen=True)
class Location:
    """An object's place on a server; for a listing the beginning of the keys."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The address people write: s3://bucket/key."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class StoredObject:
    """An object as HEAD shows it."""

    etag: str
    size: int
    """Bytes; -1 where the storage does not say."""
    sha256: str | None
    """64 hexadecimal digits, where the storage keeps checksums of whole objects."""
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it."""

    key: str
    size: int
    """Bytes."""


class Readable(Protocol):
    """What can be read in parts, until an empty one."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes."""
        ...


@dataclass(frozen=True)
class OpenObject:
    """An object that is being read."""

    body: Readable
    size: int | None
    """Bytes that the storage says will come; None where it does not."""


@dataclass(frozen=True)
class Upload:
    """An object to be."""

    file: BinaryIO
    """Its content, seekable, at its start."""
    sha256: str
    """64 hexadecimal digits; the storage refuses other content."""
    content_type: str
    """As a browser wants it."""
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Encryption:
    """How a storage is to encrypt what it is given."""

    algorithm: Literal["AES256", "aws:kms"]
    key_id: str | None = None
    """Of the key management service; None for the bucket's own."""


@dataclass(frozen=True)
class Manner:
    """How objects are uploaded."""

    encryption: Encryption | None = None
    """None leaves it to the bucket."""
    checksums: bool = True
    """Whether they carry a SHA-256, as long as the storage knows that."""


@dataclass(frozen=True)
class IfAbsent:
    """Only if there is no object."""


@dataclass(frozen=True)
class IfMatches:
    """Only where the object is this one still."""

    etag: str


@dataclass(frozen=True)
class Always:
    """Whatever is there."""


Condition = IfAbsent | IfMatches | Always


class Fault(Enum):
    """What can be wrong."""

    LACKING_CREDENTIALS = auto()
    UNFIT_CREDENTIALS = auto()
    """They hold what no credentials can hold, such as white space."""
    LACKING_ROLE = auto()
    REFUSED = auto()
    """The credentials may not do this, or are none. `hint` is why, where the storage says so."""
    WRITE_REFUSED = auto()
    """The credentials may not write this, or a policy of the bucket wants something else of what is written; `hint` is
    "policy" where the storage says that it is one."""
    ROLE_REFUSED = auto()
    """The token of the ServiceAccount buys no credentials."""
    NO_BUCKET = auto()
    NO_OBJECT = auto()
    OTHER_REGION = auto()
    """`hint` is the right one, where the storage names it."""
    OTHER_ENDPOINT = auto()
    """`hint` is the host that the storage names."""
    OTHER_SCHEME = auto()
    """`hint` is the right one: http or https."""
    OTHER_ADDRESSING = auto()
    """`hint` is how the storage wants its buckets named: Path or Virtual."""
    NOT_A_STORE = auto()
    """Something else than a storage answered."""
    UNKNOWN_HOST = auto()
    UNKNOWN_AUTHORITY = auto()
    BAD_CERTIFICATE = auto()
    REFUSED_ADDRESS = auto()
    """The server's name led to an address that must not be connected to."""
    NOT_IMPLEMENTED = auto()
    """The storage does not know what was asked for."""
    NO_CHECKSUMS = auto()
    """The storage does not know the checksum that came with the request."""
    TOO_LARGE = auto()
    FULL = auto()
    """There is no room left, or a quota is used up."""
    ENCRYPTION = auto()
    """The storage wants objects encrypted otherwise than was asked for."""
    DECLINED = auto()
    """The storage refuses the request, for a reason of its own."""
    CHANGED = auto()
    """The condition does not hold."""
    OTHER_CONTENT = auto()
    """What arrived has another checksum."""
    UNAVAILABLE = auto()


class StoreError(Exception):
    """A store does not do what it was asked for."""

    def __init__(self, fault: Fault, found: str, code: str = "", hint: str = "", told: str = "") -> None:
        """Keep what is wrong.

        Args:
            fault: its kind.
            found: what was found, as a sentence without a full stop that holds no secret; what the storage said itself
                is in quotation marks, in one printable line.
            code: the storage's own word for it, made harmless; empty if it has none.
            hint: what to write instead, made harmless, as the fault says; empty if nobody knows.
            told: the code, with the storage's own words in quotation marks where they say more than that.
        """
        self.fault = fault
        self.found = found
        self.code = code
        self.hint = hint
        self.told = told or code
        super().__init__(found)


class ObjectStore(Protocol):
    """The buckets of one server, seen with one set of credentials. Every method raises StoreError."""

    def head(self, at: Location) -> StoredObject | None:
        """Return the object there; None where the bucket exists and the object does not."""
        ...

    def put(self, at: Location, upload: Upload, condition: Condition) -> str:
        """Store an object whole or not at all, and return its ETag; CHANGED where the condition does not hold."""
        ...

    def get(self, at: Location, etag: str | None = None) -> AbstractContextManager[OpenObject]:
        """Open the object there for reading; CHANGED where an ETag is given and it has another.

        What goes wrong while it is read is raised as well.
        """
        ...

    def list(self, below: Location, most: int) -> list[ListedObject]:
        """Return the first objects whose keys begin so, in the order of their keys."""
        ...

    def delete(self, at: Location, etag: str | None) -> None:
        """Delete the object there; CHANGED where it has another ETag than is given, unless the storage cannot tell."""
        ...
