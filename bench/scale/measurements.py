"""What a run measured, and how it reads. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.markdown import table


@dataclass(frozen=True)
class Section:
    """What one run measured of one controller."""

    title: str
    lines: tuple[tuple[str, str], ...]
    """What was measured, and what came out."""
    requests: tuple[tuple[str, int], ...] = ()
    """How many of which kind the API server wrote down."""
    figures: tuple[tuple[str, float], ...] = ()
    """Seconds that are worth comparing from round to round."""

    @property
    def brief(self) -> str:
        """The title and the figures, in a line."""
        return ", ".join((self.title, *(f"{name} {seconds:.1f} s" for name, seconds in self.figures)))


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least this share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def delays(seconds: Sequence[float]) -> str:
    """Return the 50th and 99th percentile of delays as text."""
    return " / ".join(_seconds(percentile(seconds, share)) for share in (0.5, 0.99))


def document(sections: Mapping[str, Section]) -> str:
    """Return a table of the same run of several controllers, by their names."""
    first = next(iter(sections.values()))
    cells = {name: dict(section.lines) for name, section in sections.items()}
    lines = [(what, *(cells[name].get(what, "") for name in sections)) for what, _ in first.lines]
    told = [f"## {first.title}", table(("", *sections), lines)]
    for name, section in sections.items():
        if section.requests:
            asked = ", ".join(f"{count} {kind}" for kind, count in section.requests)
            told.append(f"Requests of {name}: {asked}")
    return "\n\n".join(told) + "\n"


def in_turn(title: str, rounds: Sequence[Section]) -> Section:
    """Return the medians of several rounds of the same run, and each round's figures in their order."""
    lines = []
    for name, _ in rounds[0].figures:
        each = [dict(section.figures)[name] for section in rounds]
        lines.append((name, f"{median(each):.1f} s ({', '.join(f'{seconds:.1f}' for seconds in each)})"))
    return Section(title, tuple(lines))


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
