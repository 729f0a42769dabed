"""Conversions in memory: as kopf's events and the answers to our own writes show them.

As Python objects, thousands of finished conversions take several times the memory of their JSON. So they are kept as
JSON, without what others note in their metadata, and read where a decision needs one. What was read stays as long as it
is the newest, for as many as are under way at once.

Anybody who may write conversions decides how large one is, and how many there are. So of a large one only a digest is
kept, which tells whether it changed, and it is read from the API server when a decision needs it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from tflite_api import names
from tflite_api.resource.status import REQUEST_CHARACTERS
from tflite_api.text import one_line
from tflite_operator.core.fields import Object, mapping, text
from tflite_operator.core.labels import Key
from tflite_operator.informer.object_cache import EVERYWHERE, number, object_key, object_version
from tflite_operator.jobs.job import queue_labels
from tflite_operator.observe.conversion import ObservedConversion
from tflite_operator.telemetry.conversion_stats import ConversionStats

_KEPT_BYTES: Final = 16 * 1024
"""Of one conversion: a thousand labels of a classifier are some more."""
_READ_BYTES: Final = 4 * 1024**2
"""Of the JSON of all that are kept as Python objects, which take up to ten times as much."""
_METADATA: Final = ("name", "namespace", "uid", "generation", "deletionTimestamp", "finalizers")
"""What is kept of the metadata beside some labels and one annotation: `observe_conversion` reads no other."""

Observe = Callable[[Object, ObservedConversion | None], ObservedConversion]


@dataclass(slots=True)
class _Entry:
    version: int
    uid: str
    content: bytes
    """JSON, without the resourceVersion; of a large conversion its digest."""
    is_whole: bool


class _Read(NamedTuple):
    conversion: ObservedConversion
    size: int
    """Of its JSON."""


class ConversionCache:
    """All conversions that are known."""

    def __init__(self, observe: Observe, stats: ConversionStats) -> None:
        """Start empty; `observe` reads one, `stats` counts them."""
        self._observe = observe
        self._stats = stats
        self._entries: dict[Key, _Entry] = {}
        self._read: dict[Key, _Read] = {}
        self._read_bytes = 0
        self.heard = 0
        """The highest version that was told of."""

    def __contains__(self, key: Key) -> bool:
        """Return whether a conversion is known."""
        return key in self._entries

    def holds(self, key: Key) -> bool:
        """Return whether a conversion is in memory as a whole, and not by a digest alone."""
        entry = self._entries.get(key)
        return entry is not None and entry.is_whole

    def get(self, key: Key) -> ObservedConversion | None:
        """Return a conversion, or None where none is known, or too large a one."""
        entry = self._entries.get(key)
        if entry is None or not entry.is_whole:
            return None
        before = self._forget_read(key)
        if before is None or before.version != str(entry.version):
            whole = from_json(entry.content)
            whole["metadata"]["resourceVersion"] = str(entry.version)
            before = self._observe(whole, before)
        self._read[key] = _Read(before, len(entry.content))
        self._read_bytes += len(entry.content)
        while self._read_bytes > _READ_BYTES:
            self._forget_read(next(iter(self._read)))
        return before

    def _forget_read(self, key: Key) -> ObservedConversion | None:
        read = self._read.pop(key, None)
        if read is None:
            return None
        self._read_bytes -= read.size
        return read.conversion

    def show(self, shown: Object) -> bool:
        """Take a conversion as a list or a watch shows it; return whether anything changed that is kept."""
        version = object_version(shown)
        changed = self._put(shown, version)
        self.heard = max(self.heard, version)
        return changed

    def record(self, answer: Object) -> None:
        """Take a conversion as the answer to our own write shows it, so that its watch event changes nothing."""
        version = object_version(answer)
        # Of anything before that, the watch has told already: perhaps that the conversion is gone.
        if version > self.heard:
            self._put(answer, version)

    def remove(self, shown: Object) -> None:
        """Take note that a conversion is gone."""
        key, version = object_key(shown), object_version(shown)
        entry = self._entries.get(key)
        if entry is not None and entry.version <= version:
            self._drop(key)
        self.heard = max(self.heard, version)

    def retain(self, listed: Mapping[Key, str], version: str, scope: str) -> list[Key]:
        """Drop what a complete list of this version does not hold, and return it.

        Args:
            listed: the UID of each conversion that exists.
            version: of the list.
            scope: the namespace that was listed, or EVERYWHERE.
        """
        latest = number(version)
        gone = [
            key
            for key, entry in self._entries.items()
            if scope in (EVERYWHERE, key[0]) and listed.get(key) != entry.uid and entry.version <= latest
        ]
        for key in gone:
            self._drop(key)
        return gone

    def _put(self, shown: Object, version: int) -> bool:
        key = object_key(shown)
        before = self._entries.get(key)
        if before is not None and version and version < before.version:
            return False
        content = to_json(_kept(shown))
        is_whole = len(content) <= _KEPT_BYTES
        if not is_whole:
            content = hashlib.sha256(content).digest()
        if before is not None and before.content == content:
            before.version = version
            return False
        uid = text(shown, "metadata", "uid")
        if before is not None and (before.uid != uid or not is_whole):
            self._drop(key)
        self._entries[key] = _Entry(version, uid, content, is_whole)
        self._stats.count(uid, shown)
        return True

    def _drop(self, key: Key) -> None:
        self._forget_read(key)
        entry = self._entries.pop(key)
        self._stats.forget(entry.uid)


def _kept(conversion: Object) -> dict[str, Any]:
    metadata = mapping(conversion, "metadata")
    kept = _some(metadata, _METADATA)
    labels = queue_labels(conversion)
    if labels:
        kept["labels"] = labels
    request = mapping(metadata, "annotations").get(names.REQUESTED_AT_ANNOTATION)
    if isinstance(request, str):
        kept["annotations"] = {names.REQUESTED_AT_ANNOTATION: one_line(request, REQUEST_CHARACTERS)}
    return {"metadata": kept} | _some(conversion, ("spec", "status"))


def _some(value: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value[key] for key in keys if key in value}
