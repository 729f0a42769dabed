"""The bucket that a spec names as its destination: what a store says of it, in the words of the spec."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from tflite_api.authorities import OF_DESTINATION
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.artifact.flatbuffer import START_BYTES
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.fetch.archive.extraction import CHUNK_BYTES
from tflite_converter.fetch.network import ca_bundle, endpoint, proxy
from tflite_converter.fetch.store_failures import ASK_AGAIN, OF_SERVER, ROLE_CURE, cure_of
from tflite_converter.steps import conditional_writes
from tflite_converter.storage.credentials import Credentials, Token
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import (
    Always,
    Condition,
    Encryption,
    Fault,
    IfAbsent,
    IfMatches,
    Location,
    Manner,
    ObjectStore,
    Server,
    StoredObject,
    StoreError,
    Upload,
)

REASONS: Final = {
    **OF_SERVER,
    Fault.REFUSED: Reason.CREDENTIALS_REFUSED,
    Fault.NO_BUCKET: Reason.BUCKET_NOT_FOUND,
    Fault.NO_OBJECT: Reason.DESTINATION_CHANGED,
    Fault.NOT_IMPLEMENTED: Reason.INVALID_SPEC,
    Fault.CHANGED: Reason.DESTINATION_CHANGED,
    Fault.OTHER_CONTENT: Reason.ARTIFACT_REFUSED,
    Fault.UNAVAILABLE: Reason.STORAGE_UNAVAILABLE,
}
_PATIENCE_SECONDS: Final = 5
"""How long a step waits for its pod's network: a proxy of a service mesh takes some seconds to be ready."""
_PERMISSIONS: Final = (
    "they need s3:GetObject, s3:PutObject and s3:ListBucket, and s3:DeleteObject for deletionPolicy Delete"
)
_WRITE_CURE: Final = (
    "Give them s3:PutObject, or set destination.s3.encryption where a policy of the bucket demands that, or have its"
    f" owner change another condition of that policy; then {ASK_AGAIN}"
)
_POLICY_CURE: Final = (
    "Set destination.s3.encryption if that policy demands encryption, or have the bucket's owner change it; then"
    f" {ASK_AGAIN}"
)
_ENCRYPTED_WRITE_CURE: Final = (
    "Give them s3:PutObject, and the use of the key of destination.s3.encryption (kms:GenerateDataKey and kms:Decrypt),"
    f" or have the bucket's owner change what its policy demands; then {ASK_AGAIN}"
)
"""What a bare AccessDenied may mean where reading was allowed: the storage does not say which."""
_ONE_WRITER: Final = (
    "use another destination.s3, or set destination.s3.writers to One if nothing else writes to the bucket"
)


def store_of(where: S3Destination, limits: FetchLimits) -> ObjectStore:
    """Return the store of a destination: with the Secret's credentials that it names, else the ServiceAccount's.

    Raises:
        StepFailure: StorageUnavailable where the proxy that it would be asked through has no address, InvalidSpec
            where the ConfigMap of its authorities holds none.
    """

    from tflite_converter.storage.s3 import S3Store  # noqa: PLC0415 - takes long; a run without a cluster needs none

    proxy.check()
    return S3Store(server_of(where, limits), credentials_of(where), manner_of(where))


def credentials_of(where: S3Destination) -> Credentials:
    """Return what a destination is asked with."""
    if where.secret_ref is None:
        return Token()
    return Key(holder=_holder(where), entries=where.secret_ref.entry_of)


def server_of(where: S3Destination, limits: FetchLimits) -> Server:
    """Return the server of a destination, at an address that the limits allow."""
    authorities = ca_bundle.of_server(where.ca_config_map_ref, OF_DESTINATION, os.environ)
    refusal = endpoint.refusal(limits)
    return Server(where.endpoint, where.region, refusal, where.addressing_style, authorities, _PATIENCE_SECONDS)


def manner_of(where: S3Destination) -> Manner:
    """Return how a destination wants objects uploaded."""
    wanted, encryption = where.encryption, None
    if wanted is not None:
        encryption = Encryption("AES256" if wanted.type == "SSE-S3" else "aws:kms", wanted.key_id)
    return Manner(encryption, where.checksums == "Auto")


def location_of(where: S3Destination) -> Location:
    """Return the place of the artifact."""
    return Location(where.bucket, where.key)


@dataclass(frozen=True)
class ReadObject:
    """An object that was read from its beginning to its end."""

    sha256: str
    """64 hexadecimal digits."""
    size: int
    """Bytes."""
    head: bytes
    """The first of them, which tell what kind of file it is."""


class Destination:
    """A spec's destination. Every method raises StepFailure, as `failure_of` makes it."""

    def __init__(self, where: S3Destination, store: ObjectStore) -> None:
        """Take the spec's words and the store."""
        self._where = where
        self._store = store

    def look(self, at: Location) -> StoredObject | None:
        """Return the object there, if there is one."""
        with self._told(at):
            return self._store.head(at)

    def read(self, at: Location, seen: StoredObject, most: int) -> bytes:
        """Return the content of an object that was seen, of `most` bytes at most; more is cut off."""
        with self._told(at), self._store.get(at, seen.etag or None) as found:
            content = bytearray()
            while len(content) < most and (chunk := found.body.read(min(CHUNK_BYTES, most - len(content)))):
                content += chunk
            return bytes(content)

    def read_hashed(
        self,
        at: Location,
        seen: StoredObject,
        limits: FetchLimits,
        progress: Progress,
        into: BinaryIO | None = None,
    ) -> ReadObject:
        """Read an object that was seen, as far as it is as large as it seemed, and return what it was.

        Args:
            at: its place.
            seen: the object; no other is read.
            limits: how long it may take.
            progress: is told how much there is.
            into: what the content is written to; None keeps its digest alone.
        """
        end = time.monotonic() + limits.timeout_seconds
        digest, head, size = hashlib.sha256(), b"", 0
        with self._told(at), self._store.get(at, seen.etag or None) as found:
            # One byte more shows that there is more.
            while size <= seen.size and (chunk := found.body.read(min(CHUNK_BYTES, seen.size + 1 - size))):
                size += len(chunk)
                digest.update(chunk)
                if into is not None:
                    into.write(chunk)
                head = (head + chunk)[:START_BYTES]
                progress.received(size, seen.size)
                if time.monotonic() > end:
                    raise StoreError(Fault.UNAVAILABLE, f"{at.uri} did not arrive within {limits.timeout_seconds} s")
        return ReadObject(digest.hexdigest(), size, head)

    def upload(self, at: Location, upload: Upload, replaces: str | None) -> StoredObject:
        """Upload an object whole or not at all, and look at what the storage then has.

        Args:
            at: its place.
            upload: what is stored.
            replaces: the ETag of the object to replace; None where there must be none.
        """
        condition: Condition = IfAbsent() if replaces is None else IfMatches(replaces)
        with self._told(at):
            if self._has_one_writer:
                self._check_unchanged(at, replaces)
                condition = Always()
            elif replaces == "":
                raise _without_etags(at)
            etag = self._store.put(at, upload, condition)
            stored = self._store.head(at)
            if stored is None or etag not in {"", stored.etag}:
                raise StoreError(Fault.CHANGED, f"{at.uri} was replaced as soon as it was uploaded")
            return stored

    def delete(self, at: Location, etag: str) -> None:
        """Delete the object there, if it still has this ETag; storages that cannot tell delete it anyway."""
        with self._told(at):
            if self._has_one_writer:
                self._check_unchanged(at, etag)
            elif not etag:
                raise _without_etags(at)
            self._store.delete(at, None if self._has_one_writer else etag)

    def check_writers(self) -> None:
        """Refuse a storage that ignores the conditions of uploads, unless the spec says that there is one writer."""
        if self._has_one_writer:
            return
        at = conditional_writes.place_beside(location_of(self._where))
        with self._told(at):
            kept = conditional_writes.are_kept(self._store, at)
        if not kept:
            raise StepFailure(
                Reason.INVALID_SPEC,
                f"The storage ignores the conditions of uploads, so what others write to bucket {at.bucket} could be"
                " replaced unseen",
                _ONE_WRITER,
            )

    @property
    def _has_one_writer(self) -> bool:
        return self._where.writers == "One"

    def _check_unchanged(self, at: Location, expected: str | None) -> None:
        now = self._store.head(at)
        if (now.etag if now is not None else None) != expected:
            raise StoreError(Fault.CHANGED, f"{at.uri} changed since this conversion looked at it")

    @contextmanager
    def _told(self, at: Location) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            raise failure_of(error, self._where, at) from error


def _without_etags(at: Location) -> StoreError:
    """Return the error of a storage that does not say which object it has: no condition could name it."""
    return StoreError(Fault.NOT_IMPLEMENTED, f"{at.uri} has no ETag")


def failure_of(error: StoreError, where: S3Destination, at: Location) -> StepFailure:
    """Return what a store's error means for a conversion that writes there."""
    found = error.found
    cure, reason = cure_of(error, "destination.s3"), REASONS[error.fault]
    match error.fault:
        case Fault.LACKING_ROLE:
            cure = ROLE_CURE
        case Fault.NOT_IMPLEMENTED if where.writers == "One":
            reason = Reason.STORAGE_REFUSED
        case Fault.NOT_IMPLEMENTED:
            cure = _ONE_WRITER
        case Fault.NO_BUCKET:
            cure = "create it or correct its name"
        case Fault.OTHER_CONTENT:
            found = f"The artifact changed while it was uploaded to {at.uri} ({error.code})"
            cure = f"Find out what changes it on its way, then {ASK_AGAIN}"
        case Fault.REFUSED:
            why = error.hint or _PERMISSIONS
            found = f"The storage refused the credentials of {_holder(where)} for {at.uri} ({error.told}): {why}"
            if where.secret_ref is None:
                cure = f"Correct the permissions of its role, then {ASK_AGAIN}"
        case Fault.WRITE_REFUSED:
            found = f"The storage refused the credentials of {_holder(where)} for uploading to {at.uri} ({error.told})"
            cure = _POLICY_CURE if error.hint == "policy" else _WRITE_CURE
            if where.encryption is not None:
                cure = _ENCRYPTED_WRITE_CURE
    return StepFailure(reason, found, cure)


def _holder(where: S3Destination) -> str:
    if where.secret_ref is None:
        return "the ServiceAccount (serviceAccountName)"
    return f"Secret {where.secret_ref.name} (destination.s3.secretRef)"
