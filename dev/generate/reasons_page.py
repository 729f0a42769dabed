"""Writes docs/reasons.md from the one home of the reasons: `python -m dev.generate.reasons_page`."""

import re
from collections.abc import Iterator
from typing import Final

from dev.generate import prose
from dev.host.checkout import Checkout
from tflite_api.explanations import EXPLANATIONS
from tflite_api.reasons import Outcome, Reason

PAGE: Final = Checkout.here().root / "docs/reasons.md"

_HEADINGS: Final = {
    Outcome.SUCCESS: "Done: Ready is True",
    Outcome.PROGRESS: "On its way: Reconciling is True, Ready is Unknown",
    Outcome.RETRIED: "Another attempt follows by itself: Reconciling is True, Ready is Unknown",
    Outcome.PAUSED: "At rest because the spec says so: Ready is Unknown",
    Outcome.STALLED: "Something must change: Stalled is True, Ready is False",
    Outcome.DELETION: "In the Events of a deleted conversion",
    Outcome.VERDICT: "What the measurement was worth: Verified",
}
_BEGINNING: Final = """\
<!-- Written by `python -m dev.generate.reasons_page` from api/tflite_api/explanations.toml. -->

# Reasons

Every condition, Event and `result.json` carries one of these. Each has its cause, an example of its message, and its
cure where there is anything to do; in the status the cure follows the message, unless the message gives one that fits
better. Where it may leave the spec as it is, the status says as well how to ask for one more run: of a dataset that was
written again, or of a bucket that is there by then, nobody tells the operator.
Links may lead to a single one: `docs/reasons.md#outofmemory`.

A container of the converter ends with exit code 0 when done, 3 when something must change, 4 when another attempt may
help; any other code is a crash.
"""


def page() -> str:
    """Return the page."""
    lines = [_BEGINNING]
    for outcome, heading in _HEADINGS.items():
        lines += [f"## {heading}\n"]
        lines += [line for reason in Reason if reason.outcome is outcome for line in _section(reason)]
    return prose.broken("\n".join(lines))


def _section(reason: Reason) -> Iterator[str]:
    explanation = EXPLANATIONS[reason]
    yield f"### {reason}\n"
    yield f"{explanation.cause}\n"
    yield f"> {_quoted(explanation.example)}\n"
    if explanation.cure is not None:
        yield f"**Cure:** {explanation.cure}\n"


def _quoted(example: str) -> str:
    """Return an example with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", example.replace("{", "").replace("}", ""))


if __name__ == "__main__":
    PAGE.write_text(page())
