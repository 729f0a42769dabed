"""What a person needs to know about each reason; the texts are in explanations.toml."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason

_TEXTS: Final = Path(__file__).with_suffix(".toml")
_WORD: Final = re.compile(r"[a-z0-9_.]{3,}[a-z0-9]")
_ENOUGH: Final = 0.7
_MESSAGE: Final = "the message"
"""A cure that speaks of the message tells nothing to somebody who reads it."""


@dataclass(frozen=True)
class Explanation:
    """What a person needs to know about a reason."""

    cause: str
    example: str
    """A message that comes with it; braces are around what differs from case to case."""
    cure: str | None = None
    """What to do; None where there is nothing to do."""


EXPLANATIONS: Final = {Reason(name): Explanation(**texts) for name, texts in tomllib.loads(_TEXTS.read_text()).items()}


def explained(reason: Reason, message: str) -> str:
    """Return a message that says what to change: the reason's cure follows where the message does not hold it."""
    cure = EXPLANATIONS[reason].cure
    said = sentence(message)
    return said if cure is None or _MESSAGE in cure or _says(said, cure) else f"{said} {cure}"


def _says(message: str, cure: str) -> bool:
    """Return whether a message gives the same advice in its own words: most of the words that carry the meaning."""
    advice = set(_WORD.findall(cure.casefold()))
    return len(advice & set(_WORD.findall(message.casefold()))) >= _ENOUGH * len(advice)


def sentence(message: str) -> str:
    """Return words as a sentence: a full stop behind, a capital in front unless they begin with an address or name."""
    words = message.strip()
    if not words:
        return ""
    first = words.split()[0]
    start = first.capitalize() if first.isalpha() and first.islower() else first
    return start + words[len(first) :] + ("" if words[-1] in ".!?…" else ".")
