"""Text that others wrote, made fit for a status, a log or a terminal."""

import unicodedata
from typing import Final

MESSAGE_CHARACTERS: Final = 1024
"""What untrusted text may take up in a message, a status or an Event (the Events API allows 1024)."""


def printable(text: str) -> str:
    """Return text without what a terminal acts on: white space as spaces, no control and bidirectional characters."""
    if text.isprintable():
        return text
    kept = (" " if character.isspace() else character for character in text)
    return "".join(character for character in kept if unicodedata.category(character)[0] != "C")


def one_line(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return text as one printable line of at most `limit` characters."""
    line = " ".join(printable(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
