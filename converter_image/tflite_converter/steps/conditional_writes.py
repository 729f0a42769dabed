"""Whether a storage keeps the conditions of an upload: where it ignores them, two writers replace each other's objects.

Some servers answer a request with If-None-Match or If-Match as if it had none. Only a request that must be refused
tells them apart, so it is made of an object that nobody misses.
"""

import hashlib
import logging
from io import BytesIO
from typing import Final

from tflite_api.field_types import KEY_CHARACTERS
from tflite_api.names import WRITE_TEST_SUFFIX
from tflite_converter.storage.store import (
    Condition,
    Fault,
    IfAbsent,
    IfMatches,
    Location,
    ObjectStore,
    StoreError,
    Upload,
)

_LOG = logging.getLogger(__name__)
_CONTENT: Final = b"Written by tflite-operator to see whether this storage keeps the conditions of uploads.\n"
_NEVER: Final = '"00000000000000000000000000000000"'
"""The ETag of no object."""
_TRIES: Final = 4
"""The first makes the object; where another conversion removes it in between, one of the others is refused."""


def place_beside(artifact: Location) -> Location:
    """Return where the object is written that shows it."""
    return Location(artifact.bucket, artifact.key[: KEY_CHARACTERS - len(WRITE_TEST_SUFFIX)] + WRITE_TEST_SUFFIX)


def are_kept(store: ObjectStore, at: Location) -> bool:
    """Return whether uploads on condition are refused where they must be; writes an object there and removes it.

    Raises:
        StoreError: what is wrong with the storage; NOT_IMPLEMENTED where it says itself that it knows no conditions.
    """
    try:
        return any(_is_refused(store, at, IfAbsent()) for _ in range(_TRIES)) and _is_refused(
            store, at, IfMatches(_NEVER)
        )
    finally:
        _remove(store, at)


def _is_refused(store: ObjectStore, at: Location, condition: Condition) -> bool:
    upload = Upload(BytesIO(_CONTENT), hashlib.sha256(_CONTENT).hexdigest(), "text/plain; charset=utf-8", {})
    try:
        store.put(at, upload, condition)
    except StoreError as error:
        if error.fault is not Fault.CHANGED:
            raise
        return True
    return False


def _remove(store: ObjectStore, at: Location) -> None:
    try:
        store.delete(at, None)
    except StoreError as error:
        # Permission to delete is needed for nothing else where artifacts are retained.
        _LOG.warning("%s stays in the bucket: %s", at.uri, error.found)
