import pytest

from tflite_api.names import CLEANUP, CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Outcome, Reason
from tflite_api.steps.step_reasons import OPERATOR_REASONS, STEP_REASONS


@pytest.mark.parametrize("reason", [one for one in Reason if one.outcome is not Outcome.VERDICT])
def test_somebody_is_in_a_position_to_know_each_reason(reason: Reason) -> None:
    knowing = [step for step, reasons in STEP_REASONS.items() if reason in reasons]
    assert knowing or reason in OPERATOR_REASONS, "a new reason: say in step_reasons.py which step may report it"


def test_the_steps_are_those_of_the_pods() -> None:
    assert set(STEP_REASONS) == {PREPARE, CONVERT, PUBLISH, CLEANUP}


def test_the_models_container_cannot_have_an_attempt_repeated_or_called_a_success() -> None:
    outcomes = {reason.outcome for reason in STEP_REASONS[CONVERT]}
    assert outcomes == {Outcome.STALLED}


def test_what_only_the_operator_can_know_is_believed_of_no_step() -> None:
    shared = {Reason.INVALID_SPEC, Reason.OUT_OF_MEMORY, Reason.OUT_OF_DISK, Reason.DEADLINE_EXCEEDED}
    for step, reasons in STEP_REASONS.items():
        assert reasons & OPERATOR_REASONS <= shared, step
