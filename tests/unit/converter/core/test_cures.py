"""Every place that raises a failure says what to change: in its own words, or because its reason's own cure fits."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.converter.steps.store.test_destination import answered
from tflite_api.explanations import EXPLANATIONS, speaks_of_message
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.destination import S3Destination
from tflite_converter.core.failure import OWN_CURE
from tflite_converter.fetch import http

ROOT = Path(__file__).parents[4]
SOURCES = ROOT / "converter_image/tflite_converter"
WORDED_ELSEWHERE = {"cli/init.py", "cli/manifest.py", "steps/runner.py", "worker/messages.py"}
"""Where a message comes whole, with its cure: from the rules of the schema, an inspection, or another process."""
OF_THE_OPERATOR = {"Ended", "Failure", "Progress", "EmitEvent"}
OF_THE_SCHEMA = {Reason.INVALID_SPEC}
"""The rules of the schema say what to write."""


@dataclass(frozen=True)
class Raised:
    """A place that raises a failure."""

    file: str
    line: int
    reason: ast.expr
    cure: ast.expr | None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def _raised() -> Iterator[Raised]:
    for file in sorted(SOURCES.rglob("*.py")):
        name = str(file.relative_to(SOURCES))
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and _is_failure(node) and name != "core/failure.py":
                yield Raised(name, node.lineno, node.args[0], node.args[2] if len(node.args) > 2 else None)


def _is_failure(call: ast.Call) -> bool:
    """Return whether a call makes a StepFailure, or the part of one that a class derived from it has."""
    match call.func:
        case ast.Name(id="StepFailure"):
            return True
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
            return bool(call.args) and "eason" in ast.unparse(call.args[0])
        case _:
            return False


RAISED = list(_raised())


def _possible(reason: ast.expr) -> set[Reason]:
    """Return the reasons that an expression may have, as far as it tells."""
    match reason:
        case ast.Attribute(value=ast.Name(id="Reason"), attr=name):
            return {Reason[name]}
        case ast.Attribute(attr=name) if hasattr(http.model(""), name):
            return {getattr(subject(""), name) for subject in (http.model, http.dataset)}
        case _:
            return set()


def _lacks_cure(reason: Reason) -> bool:
    cure = EXPLANATIONS[reason].cure
    if cure is None:
        return reason.outcome is Outcome.STALLED
    return speaks_of_message(cure)


def test_all_places_are_seen() -> None:
    assert len(RAISED) > 120
    assert {str(raised.file).partition("/")[0] for raised in RAISED} >= {"fetch", "model", "steps", "storage", "worker"}


@pytest.mark.parametrize("raised", RAISED, ids=str)
def test_a_place_that_raises_a_failure_says_what_to_change(raised: Raised) -> None:
    match raised.cure:
        case None:
            pytest.fail("neither a cure nor that the reason's own fits")
        case ast.Constant(value=str(text)):
            assert text.strip()
            assert text[-1] not in ".:;", "the full stop comes by itself"
        case ast.Name(id="OWN_CURE"):
            unfit = {reason for reason in _possible(raised.reason) if _lacks_cure(reason)}
            assert not unfit, "their own cures tell nothing to somebody who reads the message: write one"
        case ast.Name(id="IN_MESSAGE"):
            assert raised.file in WORDED_ELSEWHERE
        case _:
            # Words that are made, or those of a failure that is told in other words.
            pass


CODES = [
    ("AccessDenied", 403),
    ("AuthorizationHeaderMalformed", 400),
    ("BadDigest", 400),
    ("NoSuchBucket", 404),
    ("NotImplemented", 501),
    ("PreconditionFailed", 412),
    ("SlowDown", 503),
    ("Unknown", 418),
]


@pytest.mark.parametrize(("code", "status"), CODES)
@pytest.mark.parametrize("credentials", [{"secretRef": {"name": "key"}}, {}], ids=["Secret", "ServiceAccount"])
def test_what_the_storage_answers_comes_with_a_cure_that_fits(
    code: str, status: int, credentials: dict[str, object]
) -> None:
    failure = answered(code, status, S3Destination.from_object({"bucket": "abc", "key": "a"} | credentials))
    assert failure.cure is not OWN_CURE or not _lacks_cure(failure.reason)
    if not credentials:
        assert "Secret" not in failure.message
        assert failure.cure is not OWN_CURE or "Secret" not in (EXPLANATIONS[failure.reason].cure or "")


def test_an_upload_that_arrives_changed_is_not_blamed_on_the_model() -> None:
    failure = answered("BadDigest", 400, S3Destination.from_object({"bucket": "abc", "key": "a"}))
    assert failure.reason is Reason.ARTIFACT_REFUSED
    assert "model" not in failure.message
    assert failure.cure is not OWN_CURE


def test_what_the_operator_says_itself_goes_with_the_reason_s_own_cure() -> None:
    told = [
        reason
        for file in (ROOT / "operator/tflite_operator/decide").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OF_THE_OPERATOR
        if not any(keyword.arg == "cure_given" for keyword in node.keywords)
        for argument in node.args[:2]
        for reason in _possible(argument)
    ]
    assert len(told) > 10
    assert [reason for reason in told if _lacks_cure(reason) and reason not in OF_THE_SCHEMA] == []
