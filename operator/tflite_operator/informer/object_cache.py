"""Objects in memory, from watches and from the answers to our own writes.

What is in memory may be late. It is never older than our own writes: an answer to one is taken in at once, and an event
from before it does not undo that. Whatever must not rest on late knowledge is asked of the API server (`observer.py`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from tflite_operator.core.fields import Object, text
from tflite_operator.core.labels import Key

EVERYWHERE: Final = ""
"""In place of a namespace: all of them."""


class Owned(Protocol):
    """Something that was read from an object that carries a conversion's label."""

    @property
    def conversion_uid(self) -> str:
        """Return the UID in the label."""


T = TypeVar("T", bound=Owned)


@dataclass(slots=True)
class _Entry(Generic[T]):
    version: int
    uid: str
    value: T


class ObjectCache(Generic[T]):
    """What was read from the objects of one resource, each when it came in."""

    def __init__(self, observe: Callable[[Object], T]) -> None:
        """Start empty; `observe` reads an object."""
        self._observe = observe
        self._entries: dict[Key, _Entry[T]] = {}
        self._by_owner: dict[Key, tuple[Key, ...]] = {}
        self._heard: dict[str, int] = {}

    def of_conversion(self, namespace: str, uid: str) -> list[T]:
        """Return the objects of a namespace that carry the label of a conversion.

        Of that namespace alone: the UID is public, and whoever may make a Job elsewhere could claim it.
        """
        return [self._entries[key].value for key in self._by_owner.get((namespace, uid), ())]

    def show(self, shown: Object) -> T | None:
        """Take an object as a list or a watch shows it; return it where anything changed that is read."""
        return self._put(shown, object_version(shown))

    def record(self, answer: Object) -> None:
        """Take an object as the answer to our own write shows it, so that its watch event changes nothing.

        So whatever else the answer shows must be known already, or nothing that a decision waits for.
        """
        version, namespace = object_version(answer), text(answer, "metadata", "namespace")
        # Of anything before that, the watch has told already: perhaps that the object is gone.
        if version > last_heard(self._heard, namespace):
            self._put(answer, version)

    def remove(self, shown: Object) -> T:
        """Take note that an object is gone, and return it."""
        key = object_key(shown)
        entry = self._entries.get(key)
        if entry is not None and entry.version <= object_version(shown):
            self._drop(key)
            return entry.value
        return self._observe(shown)

    def hear(self, version: str, scope: str) -> None:
        """Take note of the version up to which a watch or a whole list has told everything.

        Args:
            version: a resourceVersion.
            scope: the namespace that is watched, or EVERYWHERE.
        """
        self._heard[scope] = max(self._heard.get(scope, 0), number(version))

    def start_over(self, version: str, scope: str) -> list[T]:
        """Forget everything where a list is older than what a watch has told, and return it.

        A cluster that was restored from a backup counts on from an earlier version.
        """
        if number(version) >= self._heard.get(scope, 0):
            return []
        self._heard[scope] = 0
        return self._drop_all([key for key in self._entries if scope in (EVERYWHERE, key[0])])

    def retain(self, listed: set[Key], version: str, scope: str) -> list[T]:
        """Drop what a complete list of this version does not hold; return it."""
        latest = number(version)
        gone = [
            key
            for key, entry in self._entries.items()
            if scope in (EVERYWHERE, key[0]) and key not in listed and entry.version <= latest
        ]
        self.hear(version, scope)
        return self._drop_all(gone)

    def _put(self, shown: Object, version: int) -> T | None:
        key = object_key(shown)
        before = self._entries.get(key)
        if before is not None and version and version < before.version:
            return None
        value = self._observe(shown)
        if before is not None and before.value == value:
            before.version = version
            return None
        if before is not None:
            self._drop(key)
        self._entries[key] = _Entry(version, text(shown, "metadata", "uid"), value)
        if value.conversion_uid:
            owner = key[0], value.conversion_uid
            self._by_owner[owner] = (*self._by_owner.get(owner, ()), key)
        return value

    def _drop_all(self, keys: Iterable[Key]) -> list[T]:
        return [self._drop(key) for key in keys]

    def _drop(self, key: Key) -> T:
        value = self._entries.pop(key).value
        owner = key[0], value.conversion_uid
        others = tuple(one for one in self._by_owner.get(owner, ()) if one != key)
        if others:
            self._by_owner[owner] = others
        else:
            self._by_owner.pop(owner, None)
        return value


def last_heard(heard: dict[str, int], namespace: str) -> int:
    """Return the version up to which everything in a namespace was told."""
    return max(heard.get(namespace, 0), heard.get(EVERYWHERE, 0))


def object_key(shown: Object) -> Key:
    """Return an object's namespace and name."""
    return text(shown, "metadata", "namespace"), text(shown, "metadata", "name")


def object_version(shown: Object) -> int:
    """Return an object's resourceVersion as a number; 0 where it has none."""
    return number(text(shown, "metadata", "resourceVersion"))


def number(version: str) -> int:
    """Return a resourceVersion as a number; 0 where it is none.

    They are comparable numbers: KEP-5504, and what every API server over etcd has given all along.
    """
    return int(version) if version.isascii() and version.isdigit() else 0
