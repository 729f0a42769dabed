"""Every reason is documented, reachable, reached by a test, and shown by an example that is true."""

from pathlib import Path

import pytest

from dev.generate import reasons_page
from tests import reached_reasons
from tests.unit.converter import test_examples as converter_examples
from tests.unit.operator import test_examples as operator_examples
from tflite_api.explanations import EXPLANATIONS, explained
from tflite_api.reasons import Outcome, Reason

ROOT = Path(__file__).parents[3]
SOURCES = [
    file
    for folder in ("api/tflite_api", "operator/tflite_operator", "converter_image/tflite_converter")
    for file in (ROOT / folder).rglob("*.py")
    if file.name not in {"reasons.py", "step_reasons.py"}
]
TESTS = [
    file
    for file in (ROOT / "tests").rglob("test_*.py")
    # They are about all reasons, or about what is not believed of a step.
    if file.name
    not in {
        "test_reasons.py",
        "test_examples.py",
        "test_arbitrary_objects.py",
        "test_step_report.py",
        "test_step_reasons.py",
    }
]


def test_the_page_is_up_to_date() -> None:
    assert reasons_page.PAGE.read_text() == reasons_page.page(), "run python -m dev.generate.reasons_page"


def test_every_reason_is_documented_where_a_link_finds_it() -> None:
    page = reasons_page.PAGE.read_text()
    assert [reason for reason in Reason if f"\n### {reason}\n" not in page] == []
    assert page.count("\n## ") == len(Outcome)
    assert set(EXPLANATIONS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_cause_an_example_and_a_cure_if_something_must_change(reason: Reason) -> None:
    explanation = EXPLANATIONS[reason]
    for text in (explanation.cause, explanation.example, explanation.cure or "."):
        assert text.endswith(".")
    assert explanation.cure is not None or reason.outcome is not Outcome.STALLED


def test_every_reason_is_brought_about_by_some_source() -> None:
    assert set(Reason) - reached_reasons.brought_about(SOURCES) == set()


def test_every_reason_is_reached_by_some_test() -> None:
    assert set(Reason) - reached_reasons.asserted(TESTS) == set()


def test_every_example_is_held_to_the_code() -> None:
    held = [
        *operator_examples.EXAMPLES,
        *converter_examples.EXAMPLES,
        *converter_examples.CONVERSIONS,
        *converter_examples.LABELLED,
        *converter_examples.EXPORTS,
    ]
    assert sorted(held) == sorted(Reason)


@pytest.mark.parametrize(
    ("reason", "message", "shown"),
    [
        (Reason.DEADLINE_EXCEEDED, "it took long", "It took long. Raise spec.activeDeadlineSeconds."),
        (Reason.INVALID_SPEC, "spec.x is wrong", "spec.x is wrong."),
        (Reason.PENDING, "waiting", "Waiting."),
    ],
)
def test_a_reason_s_own_cure_follows_a_message(reason: Reason, message: str, shown: str) -> None:
    assert explained(reason, message) == shown


def test_a_message_that_gives_a_cure_stands_alone() -> None:
    found = "Bucket models does not exist: create it or correct its name"
    assert explained(Reason.BUCKET_NOT_FOUND, found, cure_given=True) == f"{found}."
