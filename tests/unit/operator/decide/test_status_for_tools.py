"""kstatus (Flux) and Argo CD's health check understand every status that can be written, whatever was there before.

What they should say follows from the decision, not from conditions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.programs import argolua, kstatus
from tests.unit.operator.builders import NOW, Object, at, conversion, job, success
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.status import ConversionStatus
from tflite_api.steps.step import StepResult
from tflite_operator.decide.decision import Failure, Following, Pause, Progress, Success
from tflite_operator.decide.status import write_status
from tflite_operator.observe.job import ObservedJob, observe_job

Told = Progress | Pause | Success | Failure
TOLD_AS = {
    Progress: ("InProgress", "Progressing"),
    Pause: ("InProgress", "Suspended"),
    Success: ("Current", "Healthy"),
    Failure: ("Failed", "Degraded"),
}
"""What kstatus and what Argo CD call it."""


@dataclass(frozen=True)
class Case:
    """A conversion, and the decisions that led to its status, the latest last."""

    name: str
    object: Object
    told: Told


def decisions() -> Iterator[Told]:
    """Every decision that can be told, with every reason that it may have."""
    done = observe_job(job(conversion()))
    for reason in Reason:
        match reason.outcome:
            case Outcome.PROGRESS:
                yield Progress(reason, "it goes on", done)
            case Outcome.PAUSED:
                yield Pause(reason, "nothing runs")
            case Outcome.RETRIED:
                yield Progress(reason, "it is tried again", done, following=Following(2, at(60)))
                yield Failure(reason, "too often", done, ended=at(60))
            case Outcome.STALLED:
                yield Failure(reason, "something must change", done, ended=at(60))
            case Outcome.SUCCESS:
                yield succeeded(done, reason)
            case Outcome.VERDICT:
                yield succeeded(done, Reason.CONVERTED, verdict=reason.value)


def succeeded(done: ObservedJob, reason: Reason, **more: object) -> Success:
    result = StepResult.from_object(success(conversion(), reason, **more))
    return Success(result, done, "example.com/converter:1", at(60))


def cases() -> Iterator[Case]:
    """Each decision on a new conversion, after each kind of outcome of an earlier generation, and of the same one."""
    every = list(decisions())
    earlier = [next(one for one in every if isinstance(one, kind)) for kind in (Progress, Pause, Success, Failure)]
    for told in every:
        yield case("new", ConversionStatus(), told, 1)
        for before in earlier:
            status = write_status(ConversionStatus(), before, 1, NOW)
            yield case(f"after {type(before).__name__}", status, told, 1)
            yield case(f"after {type(before).__name__} of an earlier generation", status, told, 2)


def case(history: str, before: ConversionStatus, told: Told, generation: int) -> Case:
    status = write_status(before, told, generation, at(60))
    reason = f"{told.result.reason} {told.result.verdict}" if isinstance(told, Success) else told.reason
    made = conversion(status=status.to_object(), generation=generation, suspend=isinstance(told, Pause))
    return Case(f"{type(told).__name__} {reason} {history}", made, told)


CASES = list(cases())


def test_every_reason_is_here() -> None:
    told = {word for one in CASES for word in one.name.split() if word in set(Reason)}
    assert told == {reason.value for reason in Reason if reason.outcome is not Outcome.DELETION}


@pytest.mark.parametrize("reader", [kstatus.compute, argolua.health], ids=["kstatus", "Argo CD"])
def test_they_say_what_was_decided(reader: kstatus.Reader) -> None:
    column = 0 if reader is kstatus.compute else 1
    said = reader([one.object for one in CASES])
    expected = [TOLD_AS[type(one.told)][column] for one in CASES]
    wrong = {one.name: answer for one, answer, wanted in zip(CASES, said, expected, strict=True) if answer[0] != wanted}
    assert wrong == {}


@pytest.mark.parametrize("reader", [kstatus.compute, argolua.health], ids=["kstatus", "Argo CD"])
def test_nothing_counts_once_the_spec_changed(reader: kstatus.Reader) -> None:
    changed = [
        one.object | {"metadata": one.object["metadata"] | {"generation": one.object["metadata"]["generation"] + 1}}
        for one in CASES
        # What the spec says of suspend holds at once.
        if not isinstance(one.told, Pause)
    ]
    unseen = conversion(status={"observedGeneration": -1})
    assert {status for status, _ in reader([*changed, unseen])} <= {"InProgress", "Progressing"}


def test_what_is_being_deleted_is_terminating() -> None:
    deleted = [
        one.object | {"metadata": one.object["metadata"] | {"deletionTimestamp": "2026-11-22T12:00:00Z"}}
        for one in CASES
    ]
    assert {status for status, _ in kstatus.compute(deleted)} == {"Terminating"}


def test_argo_cd_shows_the_message_of_the_condition() -> None:
    for one, (_, message) in zip(CASES, argolua.health([one.object for one in CASES]), strict=True):
        ready = next(each for each in one.object["status"]["conditions"] if each["type"] == "Ready")
        assert message == ready["message"], one.name
