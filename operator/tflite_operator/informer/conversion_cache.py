"""Conversions in memory: as kopf's events and the answers to our own writes show them.

As Python objects, thousands of finished conversions take several times the memory of their JSON. So they are kept as
JSON, without what others note in their metadata, and read where a decision needs one. What was read stays as long as it
is the newest, for as many as are under way at once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json, to_json

from tflite_api import names
from tflite_operator.core.fields import Object, mapping, text
from tflite_operator.core.labels import Key
from tflite_operator.informer.object_cache import EVERYWHERE, number, object_key, object_version
from tflite_operator.observe.conversion import ObservedConversion
from tflite_operator.telemetry.conversion_stats import ConversionStats

_READ_AT_ONCE: Final = 1024
_METADATA: Final = ("name", "namespace", "uid", "generation", "deletionTimestamp", "finalizers", "labels")
"""What is kept of the metadata beside our own annotations: `observe_conversion` reads no other."""
_OURS: Final = f"{names.GROUP}/"

Observe = Callable[[Object, ObservedConversion | None], ObservedConversion]


@dataclass(slots=True)
class _Entry:
    version: int
    uid: str
    content: bytes
    """JSON, without the resourceVersion."""


class ConversionCache:
    """All conversions that are known."""

    def __init__(self, observe: Observe, stats: ConversionStats) -> None:
        """Start empty; `observe` reads one, `stats` counts them."""
        self._observe = observe
        self._stats = stats
        self._entries: dict[Key, _Entry] = {}
        self._read: dict[Key, ObservedConversion] = {}
        self.heard = 0
        """The highest version that was told of."""

    def __contains__(self, key: Key) -> bool:
        """Return whether a conversion is known."""
        return key in self._entries

    def get(self, key: Key) -> ObservedConversion | None:
        """Return a conversion, or None where none is known."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        before = self._read.pop(key, None)
        if before is not None and before.version == str(entry.version):
            self._read[key] = before
            return before
        whole = from_json(entry.content)
        whole["metadata"]["resourceVersion"] = str(entry.version)
        read = self._read[key] = self._observe(whole, before)
        if len(self._read) > _READ_AT_ONCE:
            self._read.pop(next(iter(self._read)))
        return read

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
        if before is not None and before.content == content:
            before.version = version
            return False
        uid = text(shown, "metadata", "uid")
        if before is not None and before.uid != uid:
            self._drop(key)
        self._entries[key] = _Entry(version, uid, content)
        self._stats.count(uid, shown)
        return True

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key)
        self._read.pop(key, None)
        self._stats.forget(entry.uid)


def _kept(conversion: Object) -> dict[str, Any]:
    metadata = mapping(conversion, "metadata")
    kept = _some(metadata, _METADATA)
    ours = {key: note for key, note in mapping(metadata, "annotations").items() if key.startswith(_OURS)}
    if ours:
        kept["annotations"] = ours
    return {"metadata": kept} | _some(conversion, ("spec", "status"))


def _some(value: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value[key] for key in keys if key in value}
