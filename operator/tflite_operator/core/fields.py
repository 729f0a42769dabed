"""Reads fields of objects that may hold anything: what is absent or of another type reads as empty."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

Object = Mapping[str, Any]


WORD_CHARACTERS: Final = 1024
"""More than a name, a UID or the reference of an image has."""


def field(value: object, *path: str) -> object:
    """Return the value at a path of keys, or None."""
    for key in path:
        # JSON brings no other mapping, and asking for any takes five times as long: this is called most of all.
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def mapping(value: object, *path: str) -> Object:
    """Return the object at a path."""
    found = field(value, *path)
    return found if isinstance(found, dict) else {}


def objects(value: object, *path: str) -> Iterator[Object]:
    """Return the objects of the list at a path."""
    found = field(value, *path)
    if isinstance(found, list | tuple):
        yield from (item for item in found if isinstance(item, dict))


def text(value: object, *path: str) -> str:
    """Return the text at a path."""
    found = field(value, *path)
    return found if isinstance(found, str) else ""


def word(value: object, *path: str) -> str:
    """Return the text at a path, cut to a length that no name exceeds: what is kept in memory must be bounded."""
    return text(value, *path)[:WORD_CHARACTERS]


def texts(value: object, *path: str) -> list[str]:
    """Return the texts of the list at a path."""
    found = field(value, *path)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list | tuple) else []


def integer(value: object, *path: str) -> int | None:
    """Return the integer at a path; a boolean is none."""
    found = field(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def moment(value: object, *path: str) -> datetime | None:
    """Return the time at a path."""
    return parse_moment(text(value, *path))


def parse_moment(written: str) -> datetime | None:
    """Return a time from text as metav1.Time writes it, or None."""
    try:
        found = datetime.fromisoformat(written)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def timestamp(when: datetime) -> str:
    """Return a time as metav1.Time writes it: UTC, whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
