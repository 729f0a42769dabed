"""Keys that a Secret holds, as people put them there: with a line break behind them, in quotes. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from tflite_converter.storage.store import Fault, StoreError

_KEY_ID: Final = "AWS_ACCESS_KEY_ID"
_SECRET: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the name of a variable
_SESSION_TOKEN: Final = "AWS_SESSION_TOKEN"  # noqa: S105 - the name of a variable
_QUOTES: Final = ('"', "'")
_SHORTEST: Final = 3
"""Characters below which a value is no secret, and may be part of any word."""


@dataclass(frozen=True)
class Key:
    """Of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN."""

    prefix: str = ""
    """In front of the variables' names."""
    holder: str = "the environment"
    """What holds it, as messages say that."""
    entries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What the holder calls the variables, where it has other names for them."""

    def entry(self, variable: str) -> str:
        """Return what its holder calls a variable."""
        return self.entries.get(variable, variable)

    def hidden(self, text: str, environment: Mapping[str, str]) -> str:
        """Return a text without the values of the key, should somebody have put them there."""
        for variable in (_SECRET, _SESSION_TOKEN, _KEY_ID):
            value = stripped(environment.get(self.prefix + variable, ""))
            if len(value) >= _SHORTEST:
                text = text.replace(value, "…")
        return text


@dataclass(frozen=True)
class Values:
    """What a key consists of."""

    key_id: str
    secret: str
    session_token: str | None


def read(key: Key, environment: Mapping[str, str]) -> Values:
    """Return a key without the white space around it.

    Raises:
        StoreError: LACKING_CREDENTIALS where a part is missing; UNFIT_CREDENTIALS where one can be none, with its name.
    """
    found = {
        variable: stripped(environment.get(key.prefix + variable, ""))
        for variable in (_KEY_ID, _SECRET, _SESSION_TOKEN)
    }
    if missing := [key.prefix + name for name in (_KEY_ID, _SECRET) if key.prefix + name not in environment]:
        # Of a Secret that lacks an entry no container is made: this is somebody's own machine.
        raise StoreError(Fault.LACKING_CREDENTIALS, f"The environment lacks {' and '.join(missing)}")
    if empty := [key.entry(name) for name in (_KEY_ID, _SECRET) if not found[name]]:
        words = f"{' and '.join(empty)} of {key.holder} {'is' if len(empty) == 1 else 'are'} empty"
        raise StoreError(Fault.UNFIT_CREDENTIALS, words)
    for variable, value in found.items():
        # A secret is only hashed, and people choose those of their own servers.
        if (wrong := problem(value, hashed=variable == _SECRET)) is not None:
            words = f"{key.entry(variable)} of {key.holder} {wrong}"
            raise StoreError(Fault.UNFIT_CREDENTIALS, words)
    return Values(found[_KEY_ID], found[_SECRET], found[_SESSION_TOKEN] or None)


def stripped(value: str) -> str:
    """Return a value without white space and invisible characters around it, as editors and `echo` leave them."""
    start, end = 0, len(value)
    while start < end and _is_blank(value[start]):
        start += 1
    while end > start and _is_blank(value[end - 1]):
        end -= 1
    return value[start:end]


def _is_blank(character: str) -> bool:
    # Cf: the mark of the byte order, and spaces of no width.
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}


def problem(value: str, *, hashed: bool = False) -> str | None:
    """Return what keeps a value from being a part of a key.

    Args:
        value: without white space around it.
        hashed: whether it is only hashed, and not sent in a header of HTTP.
    """
    if value[:1] in _QUOTES and value[-1:] == value[:1] and len(value) > 1:
        return "is in quotation marks: leave them out"
    if any(_is_blank(one) and not (hashed and one == " ") for one in value):
        return "has white space or a line break in it: it holds more than the key, or a broken one"
    if not hashed and not value.isascii():
        return "has characters that no key has"
    return None
