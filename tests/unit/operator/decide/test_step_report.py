"""A step's report is believed only as far as the step can know."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.operator.builders import conversion, report, success
from tflite_api.names import CONVERT, PREPARE, PUBLISH, STEPS
from tflite_api.reasons import Outcome, Reason
from tflite_operator.decide.step_report import UnbelievableReportError, read_report

CODES = {Outcome.SUCCESS: 0, Outcome.STALLED: 3, Outcome.RETRIED: 4}


def refusal(step: str, code: int, text: str) -> str:
    with pytest.raises(UnbelievableReportError) as refused:
        read_report(step, code, text)
    words = str(refused.value)
    assert "\n" not in words
    assert words.isprintable()
    assert len(words) < 400
    return words


@pytest.mark.parametrize("reason", [one for one in Reason if one.outcome in CODES])
def test_a_reason_goes_with_one_exit_code(reason: Reason) -> None:
    right = CODES[reason.outcome]
    for step in STEPS:
        for code in {0, 1, 3, 4, 137, 255} - {right}:
            refusal(step, code, json.dumps(report(reason)))


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (PREPARE, Reason.CONVERTED),
        (PREPARE, Reason.VERIFICATION_FAILED),
        (PREPARE, Reason.BUDGET_EXCEEDED),
        (CONVERT, Reason.STORAGE_UNAVAILABLE),
        (CONVERT, Reason.MODEL_UNAVAILABLE),
        (CONVERT, Reason.CONVERTED),
        (CONVERT, Reason.POD_DISRUPTED),
        (CONVERT, Reason.DESTINATION_CHANGED),
        (PREPARE, Reason.SIGNING_KEY_INVALID),
        (CONVERT, Reason.SIGNING_KEY_INVALID),
        (PUBLISH, Reason.MODEL_NOT_FOUND),
        (PUBLISH, Reason.NAME_COLLISION),
        ("else", Reason.INTERNAL_ERROR),
    ],
)
def test_a_step_cannot_blame_what_it_cannot_know(step: str, reason: Reason) -> None:
    assert reason in refusal(step, CODES[reason.outcome], json.dumps(report(reason)))


@pytest.mark.parametrize("reason", [Reason.PENDING, Reason.PREPARING, Reason.JOB_REFUSED, Reason.SNR_SUFFICIENT])
def test_a_reason_that_ends_nothing_is_no_report(reason: Reason) -> None:
    for code in (0, 1, 3, 4):
        refusal(CONVERT, code, json.dumps(report(reason)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "Traceback (most recent call last):",
        "AWS_SECRET_ACCESS_KEY=canary",
        json.dumps(report(Reason.INTERNAL_ERROR)) + " " * 5000,
        json.dumps(report(Reason.INTERNAL_ERROR)) * 2,
        json.dumps(report(Reason.INTERNAL_ERROR)).encode("utf-16").decode("latin-1"),
        json.dumps(report(Reason.INTERNAL_ERROR) | {"artifact": [[[[]]]]}),
        json.dumps(report(Reason.INTERNAL_ERROR) | {"\x1b[2J": 1}),
        json.dumps(report(Reason.INTERNAL_ERROR, "x") | {"message": None}),
        "[" * 4000,
        '{"reason":' * 300,
        "[]",
        "null",
        "3",
        json.dumps(report(Reason.INTERNAL_ERROR, "x" * 5000)),
        json.dumps(report(Reason.INTERNAL_ERROR) | {"durationSeconds": float("nan")}),
        json.dumps(report(Reason.INTERNAL_ERROR) | {"durationSeconds": -1}),
        json.dumps(report(Reason.INTERNAL_ERROR) | {"peakMemoryBytes": 2**63}),
        json.dumps(report(Reason.INTERNAL_ERROR) | {"peakMemoryBytes": "12"}),
        '{"reason":"InternalError","message":"x","peakMemoryBytes":' + "9" * 3000 + "}",
        json.dumps(report(Reason.INTERNAL_ERROR) | {"secret": "hunter2"}),
        json.dumps({"reason": "InternalError", "message": ["x"]}),
        json.dumps({"reason": ["InternalError"], "message": "x"}),
        json.dumps({"reason": "Nonsense\x1b[31m", "message": "x"}),
        json.dumps(report(Reason.INTERNAL_ERROR) | {"verdict": "BucketNotFound"}),
    ],
)
def test_a_malformed_report_is_refused_in_one_line(text: str) -> None:
    refusal(CONVERT, 3, text)


def test_terminal_escapes_and_invisible_characters_do_not_get_through() -> None:
    words = "\x1b]0;title\x07\x1b[31mred\x1b[0m\r\n\u202eevil\u200b\x00\ud800 end"
    seen = read_report(CONVERT, 3, json.dumps(report(Reason.CONVERSION_FAILED, words)))
    assert seen.message == "]0;title[31mred[0m evil end"


def test_a_good_report_is_read_as_it_is() -> None:
    said = success(conversion())
    assert read_report(PUBLISH, 0, json.dumps(said)).to_object() == said


@given(st.sampled_from(STEPS), st.integers(-1, 256), st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_breaks_the_reader(step: str, code: int, text: str) -> None:
    refusal(step, code, text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(list(Reason)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(STEPS),
    st.sampled_from([0, 3, 4]),
    st.dictionaries(st.sampled_from([*success(conversion()), "durationSeconds", "x"]), _JSON),
)
def test_no_object_breaks_the_reader(step: str, code: int, said: dict[str, object]) -> None:
    try:
        result = read_report(step, code, json.dumps(said, default=str))
    except UnbelievableReportError:
        return
    assert CODES[result.outcome] == code
    assert result.message.isprintable()
