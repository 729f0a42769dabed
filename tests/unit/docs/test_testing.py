"""What docs/operations.md and docs/security.md promise is tested: docs/testing.md names tests that exist."""

import re
from collections.abc import Iterator

import pytest

from dev.host.checkout import Checkout

ROOT = Checkout.here().root
DOCS = ROOT / "docs"


def section(page: str, heading: str) -> str:
    return (DOCS / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of all rows of all tables but their headings."""
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        for row in table.splitlines()[2:]:
            yield [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.mark.parametrize(
    ("page", "promised", "tested", "number"),
    [
        ("operations.md", "What the operator does about failures", "Failures", 40),
        ("security.md", "Threat model", "Threats", 11),
    ],
)
def test_every_promise_has_its_tests(page: str, promised: str, tested: str, number: int) -> None:
    promises = [first for first, *_ in rows(section(page, promised))]
    assert len(promises) >= number
    assert [first for first, _ in rows(section("testing.md", tested))] == promises


def test_every_test_that_is_named_exists() -> None:
    tests = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    written = set(re.findall(r"^(?:async )?def (test_\w+)\(", tests, re.MULTILINE))
    cells = [cell for heading in ("Failures", "Threats", "GitOps") for _, cell in rows(section("testing.md", heading))]
    named = [re.findall(r"`(test_\w+)`", cell) for cell in cells]
    assert [cell for cell, found in zip(cells, named, strict=True) if not found] == []
    assert [name for found in named for name in found if name not in written] == []
