"""A store of objects in this process' memory; tests/unit/converter/storage/test_stores.py holds it to be like S3."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

from tflite_converter.storage.store import (
    Condition,
    Fault,
    IfAbsent,
    IfMatches,
    ListedObject,
    Location,
    OpenObject,
    StoredObject,
    StoreError,
    Upload,
)


@dataclass(frozen=True)
class Held:
    """An object."""

    content: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    said: StoredObject | None = None
    """What a look at it shows in place of the truth."""

    @property
    def etag(self) -> str:
        """Of content and metadata: two that differ are told apart."""
        if self.said is not None:
            return self.said.etag
        return f'"{hashlib.sha256(self.content + repr(sorted(self.metadata.items())).encode()).hexdigest()[:32]}"'

    @property
    def shown(self) -> StoredObject:
        """What a look at it shows."""
        sha256 = hashlib.sha256(self.content).hexdigest()
        return self.said or StoredObject(self.etag, len(self.content), sha256, self.metadata)


class MemoryStore:
    """Buckets, by the keys of one of them."""

    def __init__(self, objects: Mapping[str, Held] | None = None, bucket: str = "models") -> None:
        """Begin with these objects."""
        self.bucket = bucket
        self.objects = dict(objects or {})
        self.faults = dict[str, StoreError]()
        """What is raised in place of an answer, by key."""
        self.written, self.deleted, self.read = list[str](), list[str](), list[str]()
        """Keys, in the order in which it was done."""

    def head(self, at: Location) -> StoredObject | None:
        found = self._found(at)
        return None if found is None else found.shown

    def put(self, at: Location, upload: Upload, condition: Condition) -> str:
        found = self._found(at)
        match condition:
            case IfAbsent() if found is not None:
                raise StoreError(Fault.CHANGED, f"{at.uri} changed")
            case IfMatches(etag) if found is None or found.etag != etag:
                raise StoreError(Fault.CHANGED, f"{at.uri} changed")
        content = upload.file.read()
        if hashlib.sha256(content).hexdigest() != upload.sha256:
            raise StoreError(Fault.OTHER_CONTENT, f"{at.uri} changed while it was uploaded", "BadDigest")
        self.written.append(at.key)
        self.objects[at.key] = self.stored(Held(content, dict(upload.metadata), upload.content_type))
        return self.objects[at.key].etag

    def stored(self, held: Held) -> Held:
        """Return what becomes of an object that is stored."""
        return held

    @contextmanager
    def get(self, at: Location, etag: str | None = None) -> Iterator[OpenObject]:
        found = self._found(at)
        if found is None:
            raise StoreError(Fault.NO_OBJECT, f"There is nothing at {at.uri}")
        if etag not in {None, found.etag}:
            raise StoreError(Fault.CHANGED, f"{at.uri} changed")
        self.read.append(at.key)
        yield OpenObject(BytesIO(found.content), len(found.content))

    def list(self, below: Location, most: int) -> list[ListedObject]:
        self._found(below)
        found = sorted(key for key in self.objects if key.startswith(below.key))
        return [ListedObject(key, len(self.objects[key].content)) for key in found[:most]]

    def delete(self, at: Location, etag: str | None) -> None:
        found = self._found(at)
        if found is not None and etag not in {None, found.etag}:
            raise StoreError(Fault.CHANGED, f"{at.uri} changed")
        self.objects.pop(at.key, None)
        self.deleted.append(at.key)

    def _found(self, at: Location) -> Held | None:
        if at.bucket != self.bucket:
            raise StoreError(Fault.NO_BUCKET, f"Bucket {at.bucket} does not exist")
        if at.key in self.faults:
            raise self.faults[at.key]
        return self.objects.get(at.key)
