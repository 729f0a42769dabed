"""docs/reasons.md says what the code says."""

from dev import reasons_page
from tflite_api.reasons import Outcome, Reason


def test_the_page_is_up_to_date() -> None:
    assert reasons_page.PAGE.read_text() == reasons_page.page(), "run python -m dev.reasons_page"


def test_the_page_holds_every_reason_under_its_outcome() -> None:
    page = reasons_page.page()
    assert [reason for reason in Reason if f"| `{reason}` |" not in page] == []
    assert page.count("\n## ") == len(Outcome)
