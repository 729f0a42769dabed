"""Compares messages with the examples of docs/reasons.md."""

import re

from tflite_api.explanations import EXPLANATIONS, asking_again, explained
from tflite_api.reasons import Outcome, Reason


def is_like_the_example(reason: Reason, shown: str, *, cure_given: bool = False) -> bool:
    """Return whether a message as the status shows it is the example, but for what is in braces there."""
    example = EXPLANATIONS[reason].example
    # A verdict comes with an artifact, whose message needs no cure.
    expected = example if reason.outcome is Outcome.VERDICT else explained(reason, example, cure_given=cure_given)
    expected = asking_again(reason, expected)
    parts = re.split(r"\{.*?\}", expected)
    return re.fullmatch(".+".join(map(re.escape, parts)), shown) is not None
