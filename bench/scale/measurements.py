"""What a run measured, and how it reads. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.markdown import table


@dataclass(frozen=True)
class Section:
    """What one run measured of one controller."""

    title: str
    lines: tuple[tuple[str, str], ...]
    """What was measured, and what came out."""
    requests: tuple[tuple[str, int], ...] = ()
    """How many of which kind the API server wrote down."""


def percentile(values: Iterable[float], share: float) -> float:
    """Give the smallest value that at least this share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def delays(seconds: Sequence[float]) -> str:
    """Give p50 and p99 of delays."""
    return " / ".join(_seconds(percentile(seconds, share)) for share in (0.5, 0.99))


def document(sections: Mapping[str, Section]) -> str:
    """Give a table of the same run of several controllers, by their names."""
    first = next(iter(sections.values()))
    cells = {name: dict(section.lines) for name, section in sections.items()}
    lines = [(what, *(cells[name].get(what, "") for name in sections)) for what, _ in first.lines]
    told = [f"## {first.title}", table(("", *sections), lines)]
    for name, section in sections.items():
        if section.requests:
            asked = ", ".join(f"{count} {kind}" for kind, count in section.requests)
            told.append(f"Requests of {name}: {asked}")
    return "\n\n".join(told) + "\n"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
