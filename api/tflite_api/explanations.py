"""What a person needs to know about each reason; the texts are in explanations.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.names import REQUESTED_AT_ANNOTATION
from tflite_api.reasons import Reason

_TEXTS: Final = Path(__file__).with_suffix(".toml")
_MESSAGE: Final = "the message"
_AGAIN: Final = (
    "Where that leaves the spec as it is, ask for one more run then, with a new value of the annotation"
    f" {REQUESTED_AT_ANNOTATION}."
)


@dataclass(frozen=True)
class Explanation:
    """What a person needs to know about a reason."""

    cause: str
    example: str
    """A message that comes with it; braces are around what differs from case to case."""
    cure: str | None = None
    """What to do; None where there is nothing to do."""
    elsewhere: bool = False
    """Whether that may change something else than the spec, of which nobody hears."""


EXPLANATIONS: Final = {Reason(name): Explanation(**texts) for name, texts in tomllib.loads(_TEXTS.read_text()).items()}


def explained(reason: Reason, message: str, *, cure_given: bool = False) -> str:
    """Return a message as people read it: the reason's own cure follows where the message does not give one."""
    cure = EXPLANATIONS[reason].cure
    said = sentence(message)
    return said if cure is None or cure_given or speaks_of_message(cure) else f"{said} {cure}"


def asking_again(reason: Reason, said: str) -> str:
    """Return what is said of a failure with how to ask for one more run, where its cure may leave the spec as it is."""
    if not EXPLANATIONS[reason].elsewhere or REQUESTED_AT_ANNOTATION in said:
        return said
    return f"{said} {_AGAIN}"


def speaks_of_message(cure: str) -> bool:
    """Return whether a cure refers to the message that comes with it, and so tells nothing to somebody who reads it."""
    return _MESSAGE in cure


def sentence(message: str) -> str:
    """Return words as a sentence: a full stop behind, a capital in front unless they begin with an address or name."""
    words = message.strip()
    if not words:
        return ""
    first = words.split()[0]
    start = first.capitalize() if first.isalpha() and first.islower() else first
    return start + words[len(first) :] + ("" if words[-1] in ".!?…" else ".")
