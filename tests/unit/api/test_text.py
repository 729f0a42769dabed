"""What others wrote is shown as one printable line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflite_api.text import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as it is", "as it is"),
        ("two\nlines\tand  a\u00a0gap", "two lines and a gap"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("right\u202eto left\u2066", "rightto left"),
        ("a\0b\u200bc\ud800", "abc"),
        ("a\u2028b", "a b"),
        ("Größe 漢字", "Größe 漢字"),
    ],
)
def test_what_a_terminal_acts_on_goes(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text(), st.integers(2, 50))
def test_a_line_is_printable_and_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert line.isprintable()
    assert len(line) <= limit
    assert line == line.strip()


def test_what_is_cut_off_shows() -> None:
    assert one_line("word " * 9, 10) == "word word…"


def test_spaces_stay_where_the_text_is_not_to_be_one_line() -> None:
    assert printable("  two  spaces\r") == "  two  spaces "
