"""Writes docs/reasons.md from the one home of the reasons: `python -m dev.reasons_page`."""

from pathlib import Path
from typing import Final

from tflite_api.reasons import EXPLANATIONS, Outcome

PAGE: Final = Path(__file__).parents[1] / "docs/reasons.md"

_HEADINGS: Final = {
    Outcome.SUCCESS: "Done: Ready is True",
    Outcome.PROGRESS: "On its way: Reconciling is True, Ready is Unknown",
    Outcome.RETRIED: "Another attempt follows by itself: Reconciling is True, Ready is Unknown",
    Outcome.STALLED: "Something must change: Stalled is True, Ready is False",
    Outcome.VERDICT: "What the measurement was worth: Verified",
}


def page() -> str:
    """Compose the page."""
    lines = [
        "# Reasons",
        "",
        "<!-- Written by `python -m dev.reasons_page` from api/tflite_api/reasons.py. -->",
        "",
        "Every condition, Event and `result.json` carries one of these. A container of the converter ends with exit",
        "code 0 when done, 3 when something must change, 4 when another attempt may help; any other code is a crash.",
    ]
    for outcome, heading in _HEADINGS.items():
        lines += ["", f"## {heading}", "", "| reason | cause | what to do |", "| --- | --- | --- |"]
        lines += [
            f"| `{reason}` | {explanation.cause} | {explanation.cure} |"
            for reason, explanation in EXPLANATIONS.items()
            if explanation.outcome is outcome
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
