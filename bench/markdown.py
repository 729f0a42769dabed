"""Tables for people who read Markdown, or read it rendered."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table; a cell may hold any text."""
    shown = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(map(escaped, line))} |" for line in shown)


def escaped(text: str) -> str:
    """Return text that ends neither its cell nor its line."""
    return text.replace("|", "\\|").replace("\n", " ")
