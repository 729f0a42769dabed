"""Bringing what a bucket holds onto the disk, within limits of size and time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_converter.fetch.receiver import Receiver, chunks_of
from tflite_converter.fetch.store_failures import OF_SERVER
from tflite_converter.storage.store import Fault, Location, ObjectStore, Readable


def reasons_of_reading(*, missing: Reason, denied: Reason, unavailable: Reason) -> Mapping[Fault, Reason]:
    """Return what a store's errors mean for something that is read from there.

    Args:
        missing: the bucket or the object is not there.
        denied: the credentials may not read it.
        unavailable: another attempt may help.
    """
    return {
        **OF_SERVER,
        Fault.REFUSED: denied,
        Fault.NO_BUCKET: missing,
        Fault.NO_OBJECT: missing,
        Fault.NOT_IMPLEMENTED: Reason.INVALID_SPEC,
        Fault.CHANGED: unavailable,
        Fault.OTHER_CONTENT: Reason.INTERNAL_ERROR,
        Fault.UNAVAILABLE: unavailable,
    }


class Transfer:
    """Objects of a bucket on their way. Every method raises what `ObjectStore.get` and `Receiver` do."""

    def __init__(self, store: ObjectStore, receiver: Receiver) -> None:
        """Take where the objects are, and what bounds them."""
        self._store = store
        self._receiver = receiver

    @contextmanager
    def open(self, at: Location) -> Iterator[Readable]:
        """Open an object for reading; what is read is counted."""
        with self._opened(at) as body:
            yield _Counted(body, self._receiver)

    def save(self, at: Location, target: Path) -> str:
        """Write an object to a new file; return its SHA-256 (64 hexadecimal digits)."""
        with self._opened(at) as body:
            return self._receiver.save(chunks_of(body), target)

    @contextmanager
    def _opened(self, at: Location) -> Iterator[Readable]:
        with self._store.get(at) as found:
            if found.size is not None:
                self._receiver.expect(found.size)
            yield found.body


class _Counted:
    def __init__(self, body: Readable, receiver: Receiver) -> None:
        self._body = body
        self._receiver = receiver

    def read(self, size: int, /) -> bytes:
        chunk = self._body.read(size)
        self._receiver.count(len(chunk))
        return chunk
