"""A cure that is followed: what brings it about, the words that say what to do, and the same with that done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tflite_api.explanations import EXPLANATIONS
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

Trial = Callable[[Path], object]
"""What is tried in an empty folder."""


@dataclass(frozen=True)
class Followed:
    """A refusal, and what the cure that it names makes of it."""

    words: str
    """Of the cure."""
    reason: Reason
    refused: Trial
    cured: tuple[Trial, ...]
    """One for each way that the words offer."""

    def __str__(self) -> str:
        return self.words[:60]


def followed(words: str, reason: Reason, refused: Trial, *cured: Trial) -> Followed:
    return Followed(words, reason, refused, cured)


def follow(case: Followed, folder: Path) -> None:
    """Bring the refusal about, read its cure, and do what it says in each way that it offers."""
    (folder / "refused").mkdir()
    with pytest.raises(StepFailure) as caught:
        case.refused(folder / "refused")
    assert caught.value.reason is case.reason, caught.value.message
    assert case.words in cure_of(caught.value), caught.value.message
    assert case.cured
    for number, cured in enumerate(case.cured):
        (folder / str(number)).mkdir()
        cured(folder / str(number))


def cure_of(failure: StepFailure) -> str:
    """Return the cure that goes with a failure: its own, or its reason's."""
    if isinstance(failure.cure, str):
        return failure.cure
    return EXPLANATIONS[failure.reason].cure or "" if not failure.cure_given else failure.message
