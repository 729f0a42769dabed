"""What is known of conversions, their Jobs and pods, from watches and from the answers to our own writes.

What is known may be late. It is never older than our own writes: an answer to one is taken in at once, and an event
from before it does not undo that. Whatever must not rest on late knowledge is asked of the API server (`observer.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json, to_json

from tflite_operator.core.fields import Object, text
from tflite_operator.informer.projection import Keep, keep_conversion, keep_job, keep_pod
from tflite_operator.jobs.job import CONVERSION_LABEL
from tflite_operator.reconcile.work_queue import Key

EVERYWHERE: Final = ""
"""In place of a namespace: all of them."""


Changed = Callable[[Object, bool], None]
"""Takes an object whose kept content is another one, and whether it is gone."""


def _tell_nobody(_: Object, __: bool) -> None:
    pass


@dataclass(slots=True)
class _Entry:
    version: int
    uid: str
    owner: str
    content: bytes
    """JSON, without the resourceVersion: a tenth of the same as Python objects."""


class Shelf:
    """The objects of one resource."""

    def __init__(self, keep: Keep, changed: Changed = _tell_nobody) -> None:
        """Start empty; `keep` says what is kept of an object, `changed` is told of each change, our own included."""
        self._keep = keep
        self._changed = changed
        self._entries: dict[Key, _Entry] = {}
        self._by_owner: dict[str, tuple[Key, ...]] = {}
        self._heard: dict[str, int] = {}

    def get(self, key: Key) -> dict[str, Any] | None:
        """Give an object."""
        entry = self._entries.get(key)
        return _decoded(entry) if entry is not None else None

    def of_conversion(self, uid: str) -> list[dict[str, Any]]:
        """Give the objects that carry the label of a conversion."""
        return [_decoded(self._entries[key]) for key in self._by_owner.get(uid, ())]

    def show(self, shown: Object) -> bool:
        """Take an object as a list or a watch shows it; tell whether anything changed that is kept."""
        return self._put(shown, _version(shown))

    def record(self, answer: Object) -> None:
        """Take an object as the answer to our own write shows it: the watch's event of it is then no news.

        So whatever else the answer shows must be known already, or nothing that a decision waits for.
        """
        version, namespace = _version(answer), text(answer, "metadata", "namespace")
        heard = max(self._heard.get(namespace, 0), self._heard.get(EVERYWHERE, 0))
        # Of anything before that, the watch has told already: perhaps that the object is gone.
        if version > heard:
            self._put(answer, version)

    def remove(self, shown: Object) -> None:
        """Take note that an object is gone."""
        key = _key(shown)
        entry = self._entries.get(key)
        if entry is not None and entry.version <= _version(shown):
            self._drop(key)

    def hear(self, version: str, scope: str) -> None:
        """Take note of the version up to which a watch or a whole list has told everything.

        Args:
            version: a resourceVersion.
            scope: the namespace that is watched, or EVERYWHERE.
        """
        self._heard[scope] = max(self._heard.get(scope, 0), _number(version))

    def start_over(self, version: str, scope: str) -> list[Object]:
        """Forget everything where a list is older than what a watch has told, and give it.

        A cluster that was restored from a backup counts on from an earlier version.
        """
        if _number(version) >= self._heard.get(scope, 0):
            return []
        gone = [key for key in self._entries if scope in (EVERYWHERE, key[0])]
        self._heard[scope] = 0
        return self._drop_all(gone)

    def retain(self, listed: set[Key], version: str, scope: str) -> list[Object]:
        """Drop what a complete list of this version does not hold; give it."""
        number = _number(version)
        gone = [
            key
            for key, entry in self._entries.items()
            if (scope in (EVERYWHERE, key[0])) and key not in listed and entry.version <= number
        ]
        self.hear(version, scope)
        return self._drop_all(gone)

    def _put(self, shown: Object, version: int) -> bool:
        key = _key(shown)
        before = self._entries.get(key)
        if before is not None and version and version < before.version:
            return False
        content = to_json(self._keep(shown))
        if before is not None and before.content == content:
            before.version = version
            return False
        uid = text(shown, "metadata", "uid")
        if before is not None:
            self._drop(key, told=before.uid != uid)
        owner = text(shown, "metadata", "labels", CONVERSION_LABEL)
        self._entries[key] = _Entry(version, uid, owner, content)
        if owner:
            self._by_owner[owner] = (*self._by_owner.get(owner, ()), key)
        self._changed(shown, False)
        return True

    def _drop_all(self, keys: list[Key]) -> list[Object]:
        dropped: list[Object] = [_decoded(self._entries[key]) for key in keys]
        for key in keys:
            self._drop(key)
        return dropped

    def _drop(self, key: Key, *, told: bool = True) -> None:
        entry = self._entries.pop(key)
        if told:
            self._changed(_decoded(entry), True)
        others = tuple(one for one in self._by_owner.get(entry.owner, ()) if one != key)
        if others:
            self._by_owner[entry.owner] = others
        else:
            self._by_owner.pop(entry.owner, None)


class Store:
    """All that is known."""

    def __init__(self, changed: Changed = _tell_nobody) -> None:
        """Start with nothing; `changed` is told of each change of a conversion."""
        self.conversions = Shelf(keep_conversion, changed)
        self.jobs = Shelf(keep_job)
        self.pods = Shelf(keep_pod)


def _decoded(entry: _Entry) -> dict[str, Any]:
    found: dict[str, Any] = from_json(entry.content)
    found["metadata"]["resourceVersion"] = str(entry.version)
    return found


def _key(shown: Object) -> Key:
    return text(shown, "metadata", "namespace"), text(shown, "metadata", "name")


def _version(shown: Object) -> int:
    return _number(text(shown, "metadata", "resourceVersion"))


def _number(version: str) -> int:
    # Versions are comparable numbers: KEP-5504, and what every API server over etcd has given all along.
    return int(version) if version.isascii() and version.isdigit() else 0
