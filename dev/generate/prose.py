"""Breaks long lines of Markdown, so that a changed sentence is a line or two in a diff."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

WIDTH: Final = 110
"""The most characters that a line of prose may have; tables, code, headings and single words may have more."""

_FENCE: Final = re.compile(r"\s*(```|:::)")
_NOT_PROSE: Final = re.compile(r"\s*(\||<|#|!\[|\[[^]]+\]: |$)")
_BEGINNING: Final = re.compile(r"(?:[ >]*)(?:(?:[*+-]|\d+\.|:) +)?")
_ENDS_SENTENCE: Final = re.compile(r"(?!.*\b(?:e\.g|i\.e|cf|vs|etc)\.).*[.?!][)*\"]*$")
_BEGINS_SENTENCE: Final = re.compile(r"[(*\"]*(?:[A-Z`]|\[[^]]*\]\()")
_UNBROKEN: Final = re.compile(r"(?:`[^`]+`|!?\[[^]]*\]\([^)]*\)|\S| (?=(?:[*+:=>|-]+|#+|\d{1,9}[.)])(?: |$)))+")
"""A word, and after it what would begin a list, a heading or the like if a line began with it."""


class Block(NamedTuple):
    """Lines that belong together: a paragraph or an item of a list; or one line of anything else."""

    number: int
    lines: list[str]
    is_prose: bool

    @property
    def long_lines(self) -> list[int]:
        """Return the numbers of lines that are too long and could be broken."""
        if not self.is_prose:
            return []
        return [number for number, line in enumerate(self.lines, self.number) if _is_long(line)]


def broken(page: str) -> str:
    """Return the page with a line for each sentence, and more for a long one, where lines are too long."""
    lines = (_wrapped(block) if block.long_lines else block.lines for block in _blocks(page))
    return "\n".join(line for block in lines for line in block)


def long_lines(page: str) -> list[int]:
    """Return the numbers of the lines of prose that are too long."""
    return [number for block in _blocks(page) for number in block.long_lines]


def _is_long(line: str) -> bool:
    return len(line) > WIDTH and len(_UNBROKEN.findall(line[_beginning(line) :])) > 1


def _beginning(line: str) -> int:
    """Return the length of a line's indentation and the mark of its list."""
    found = _BEGINNING.match(line)
    return found.end() if found else 0


def _blocks(page: str) -> Iterator[Block]:
    paragraph: list[str] = []
    fence: str | None = None
    number = 0
    for number, line in enumerate(page.split("\n"), start=1):
        delimiter = _FENCE.match(line)
        is_prose = fence is None and delimiter is None and not _NOT_PROSE.match(line)
        is_item = line[_beginning(line) - 1 : _beginning(line)] == " " and line.lstrip(" >")[:1] in "*+-:0123456789"
        if paragraph and (not is_prose or is_item):
            yield Block(number - len(paragraph), paragraph, is_prose=True)
            paragraph = []
        if is_prose:
            paragraph.append(line)
        else:
            yield Block(number, [line], is_prose=False)
        if delimiter and fence in {None, delimiter[1]}:
            fence = None if fence else delimiter[1]
    if paragraph:
        yield Block(number + 1 - len(paragraph), paragraph, is_prose=True)


def _wrapped(block: Block) -> Iterator[str]:
    """Yield the lines of a paragraph, broken after each sentence and, about evenly, where one would be too long."""
    first = block.lines[0][: _beginning(block.lines[0])]
    following = first if ">" in first else " " * len(first)
    text = " ".join(line.lstrip(" >") if number else line[len(first) :] for number, line in enumerate(block.lines))
    beginning = first
    for sentence in _sentences(_UNBROKEN.findall(text)):
        width = WIDTH - len(first)
        fewest = len(_filled(sentence, width))
        narrowest = next(narrow for narrow in range(width // 2, width + 1) if len(_filled(sentence, narrow)) == fewest)
        for line in _filled(sentence, narrowest):
            yield beginning + line
            beginning = following


def _sentences(words: list[str]) -> list[list[str]]:
    sentences: list[list[str]] = [[]]
    for word in words:
        if sentences[-1] and _ENDS_SENTENCE.match(sentences[-1][-1]) and _BEGINS_SENTENCE.match(word):
            sentences.append([])
        sentences[-1].append(word)
    return sentences


def _filled(words: list[str], width: int) -> list[str]:
    """Return lines of at most so many characters, where that is possible."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines
