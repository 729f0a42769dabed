"""What a failure tells: what was found, and what to change."""

from tflite_api.explanations import explained
from tflite_api.reasons import Reason
from tflite_api.text import MESSAGE_CHARACTERS
from tflite_converter.core.failure import IN_MESSAGE, OWN_CURE, Cure, StepFailure


def failure(found: str, cure: Cure = OWN_CURE) -> StepFailure:
    return StepFailure(Reason.CONVERSION_FAILED, found, cure)


def shown(told: StepFailure) -> str:
    result = told.result()
    return explained(result.reason, result.message, cure_given=bool(result.cure_given))


def test_a_message_is_one_printable_line() -> None:
    assert failure("a\n\x1b[2Jb\x00" + "x" * 5000).message.startswith("a [2Jbx")
    assert len(failure("x" * 5000).message) == MESSAGE_CHARACTERS


def test_a_cure_follows_behind_a_colon() -> None:
    assert shown(failure("Bucket a does not exist", "create it")) == "Bucket a does not exist: create it."


def test_a_cure_that_begins_with_a_capital_is_a_sentence() -> None:
    assert shown(failure("It lacks: a, b.", "Export it anew")) == "It lacks: a, b. Export it anew."


def test_the_reason_s_own_cure_is_shown_where_it_fits() -> None:
    assert shown(failure("it gave up")) == "It gave up. Try another quantization.type, or change the model."


def test_words_that_say_what_to_change_stand_alone() -> None:
    assert shown(failure("spec.x must be a number: write one", IN_MESSAGE)) == "spec.x must be a number: write one."


def test_of_a_message_that_is_too_long_the_cure_stays() -> None:
    told = failure("x" * 5000, "export it without them")
    assert len(told.message) == MESSAGE_CHARACTERS
    assert told.message.endswith("x…: export it without them")


def test_a_result_that_is_cut_down_has_no_cure_any_more() -> None:
    result = failure("x" * 900, "export it without them").result()
    short = result.model_validate_json(result.to_json(600))
    assert short.message.endswith("…")
    assert short.cure_given is None
