"""What a run measured, and how it reads. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.markdown import table


@dataclass(frozen=True)
class Line:
    """One measured quantity."""

    what: str
    measured: str
    peer: str = ""
    """The same of a controller written in Go, where known."""


def percentile(values: Iterable[float], share: float) -> float:
    """Give the smallest value that at least this share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def delays(seconds: Sequence[float]) -> str:
    """Give p50 and p99 of delays."""
    return " / ".join(_seconds(percentile(seconds, share)) for share in (0.5, 0.99))


def document(title: str, lines: Sequence[Line], requests: Sequence[tuple[str, int]] = ()) -> str:
    """Give a table of a run, with the requests that were made in it."""
    shown = table(("", "measured", "in Go"), [(line.what, line.measured, line.peer) for line in lines])
    asked = ", ".join(f"{count} {kind}" for kind, count in requests)
    return f"## {title}\n\n{shown}\n" + (f"\nRequests to the API server: {asked}\n" if asked else "")


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
