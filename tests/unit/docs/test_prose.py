"""Lines of prose are short enough to be reviewed in a diff."""

from pathlib import Path

import pytest

from dev.generate import prose
from dev.host.checkout import Checkout

ROOT = Checkout.here().root
FOLDERS = ("docs", "dev", "deploy", "bench", "examples", "tests")
PAGES = sorted({*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_prose_is_too_long(page: Path) -> None:
    assert prose.long_lines(page.read_text()) == []


def test_a_paragraph_with_a_long_line_begins_a_line_with_each_sentence() -> None:
    long = "word " * 18
    page = f"# {long}{long}\n\n- First, `a  b`. Any {long}any {long}end.\n  Next e.g. One.\n- short. Item.\n"
    broken = f"- First, `a  b`.\n  Any {long}any\n  {long}end.\n  Next e.g. One.\n- short. Item.\n"
    assert prose.broken(page) == f"# {long}{long}\n\n{broken}"
    assert prose.long_lines(page) == [3]


@pytest.mark.parametrize("before", ["| ", "    ```\n", "[a]: ", "# ", "<!-- "])
def test_what_is_no_prose_is_left_as_it_is(before: str) -> None:
    page = f"{before}{'word ' * 30}\n"
    assert (prose.broken(page), prose.long_lines(page)) == (page, [])


def test_a_line_never_begins_with_what_would_begin_a_list_or_a_heading() -> None:
    page = " ".join(["word", "-", "#", "2."] * 40)
    lines = prose.broken(page).splitlines()
    assert len(lines) > 3
    assert [line for line in lines if line.split()[0] in {"-", "#", "2."}] == []
