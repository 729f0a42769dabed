"""Writes the status that follows from a decision."""

from datetime import datetime
from typing import Final

from tflite_api.explanations import EXPLANATIONS, asking_again, explained, sentence
from tflite_api.reasons import Reason
from tflite_api.resource.status import (
    Cause,
    Condition,
    ConditionStatus,
    ConversionStatus,
    JobReference,
    VariantOutcome,
)
from tflite_api.steps.combined import HOLDING
from tflite_api.steps.step import StepResult
from tflite_api.text import one_line
from tflite_operator.core.fields import timestamp
from tflite_operator.core.labels import READY, RECONCILING, STALLED, VERIFIED
from tflite_operator.decide.decision import Failure, Following, Pause, Progress, Reported, Success
from tflite_operator.decide.state import Disruptions
from tflite_operator.observe.job import ObservedJob

_OURS: Final = (READY, RECONCILING, STALLED, VERIFIED)

_UNDISTURBED: Final = frozenset({Reason.PENDING, Reason.QUEUED, Reason.PREPARING, Reason.CONVERTING, Reason.PUBLISHING})
"""Reasons of a conversion that nothing is in the way of."""

_UNDISRUPTED: Final = Disruptions()

Wanted = tuple[str, ConditionStatus, Reason, str]


def write_status(
    old: ConversionStatus,
    decision: Reported,
    generation: int,
    now: datetime,
    disruptions: Disruptions = _UNDISRUPTED,
) -> ConversionStatus:
    """Return the status after a decision. What the decision says nothing of stays, the last good artifact above all."""
    job = None if isinstance(decision, Pause) else decision.job
    is_new = old.observed_generation != generation or (job is not None and _is_another_run(old.job, job))
    started = None if is_new else old.start_time
    if started is None and job is not None and job.created is not None:
        started = timestamp(job.created)
    changes: dict[str, object] = {
        "observed_generation": generation,
        "conditions": _conditions(old.conditions or (), _wanted(old, decision), generation, now),
        "cause": _cause(old, decision),
        "start_time": started,
        "completion_time": None,
        "next_attempt_time": None,
    }
    if job is not None:
        changes |= {"job": _reference(job, disruptions), "last_handled_request": job.request or None}
    match decision:
        case Progress(supersedes=True) if old.job is not None:
            changes["job"] = old.job.model_copy(update={"superseded": True})
        case Progress(following=Following(when=when)):
            changes["next_attempt_time"] = timestamp(when)
        case Success(result=result, image=image, ended=ended):
            changes |= _artifact(result, image)
            changes["completion_time"] = timestamp(ended) if ended is not None else None
        case Failure(reason=reason, result=result, ended=ended):
            changes |= _left_behind(old, reason, result) if result is not None else {}
            changes["completion_time"] = timestamp(ended) if ended is not None else None
    return old.model_copy(update=changes)


def _measured(reason: Reason, result: StepResult) -> dict[str, object]:
    """Return what was measured of an artifact that was not published, as far as it is why."""
    by_reason: dict[Reason, tuple[str, object]] = {
        Reason.VERIFICATION_FAILED: ("verification", result.verification),
        Reason.TARGET_UNMET: ("targets", result.targets),
        Reason.BUDGET_EXCEEDED: ("benchmark", result.benchmark),
    }
    found = (("trials", result.trials or None), by_reason.get(reason, ("", None)))
    return {name: value for name, value in found if value is not None}


def _artifact(result: StepResult, image: str) -> dict[str, object]:
    provenance = result.provenance
    if provenance is not None and provenance.converter_image is None and image:
        provenance = provenance.model_copy(update={"converter_image": one_line(image)})
    return {
        "artifact": result.artifact,
        "attestation": result.attestation,
        "variants": result.variants,
        "signature": result.signature,
        "additional_signatures": result.additional_signatures,
        "verification": result.verification,
        "quantization": result.quantization,
        "trials": result.trials,
        "targets": result.targets,
        "benchmark": result.benchmark,
        "provenance": provenance,
    }


def _left_behind(old: ConversionStatus, reason: Reason, result: StepResult) -> dict[str, object]:
    """Return what a failed attempt leaves in the status."""
    left = _measured(reason, result)
    if result.variants:
        left["variants"] = tuple(_kept(old.variants or (), one) for one in result.variants)
    return left


def _kept(old: tuple[VariantOutcome, ...], new: VariantOutcome) -> VariantOutcome:
    """Return what came of a variant; one that failed keeps its last good artifact, which is in the bucket still."""
    before = next((one for one in old if one.name == new.name), None)
    if before is None or new.artifact is not None:
        return new
    return new.model_copy(update={"artifact": before.artifact, "attestation": before.attestation})


def _reference(job: ObservedJob, disruptions: Disruptions) -> JobReference:
    return JobReference(
        name=job.name,
        uid=job.uid,
        attempt=max(job.attempt, 1),
        failures=max(job.failures, 0),
        forced=job.forced or None,
        disruptions=disruptions.count or None,
        last_disruption_time=timestamp(disruptions.latest) if disruptions.latest is not None else None,
    )


def _is_another_run(known: JobReference | None, job: ObservedJob) -> bool:
    """Return whether this is the first Job of one more run: its attempts start with no failures."""
    return job.forced and (known is None or (known.uid != job.uid and not known.forced))


def _cause(old: ConversionStatus, decision: Reported) -> Cause | None:
    """Return what is in the way: a failure, or what has to be there first."""
    match decision:
        case Progress(message=None):
            return old.cause
        case Progress(obstacle=Reason() as obstacle, message=str() as message):
            return Cause(reason=obstacle.value, message=one_line(message), cure_given=decision.cure_given or None)
        case Progress(reason=reason, message=str() as message) if reason not in _UNDISTURBED:
            return Cause(reason=reason.value, message=one_line(message), cure_given=decision.cure_given or None)
        case Failure(reason=reason, message=message):
            return Cause(reason=reason.value, message=one_line(message), cure_given=decision.cure_given or None)
        case _:
            return None


def _progress_message(old: ConversionStatus, decision: Progress) -> str:
    if decision.message is None:
        return next((one.message for one in old.conditions or () if one.type == RECONCILING), "")
    message, following = decision.message, decision.following
    if following is not None:
        message = f"{message.rstrip('.')}. Attempt {following.attempt} follows at {timestamp(following.when)}."
    return explained(decision.reason, message, cure_given=decision.cure_given)


def _wanted(old: ConversionStatus, decision: Reported) -> list[Wanted]:
    match decision:
        case Pause(reason=reason):
            return [(READY, "Unknown", reason, explained(reason, decision.message))]
        case Progress(reason=reason):
            message = _progress_message(old, decision)
            return [(READY, "Unknown", reason, message), (RECONCILING, "True", reason, message)]
        case Failure(reason=reason):
            message = asking_again(reason, explained(reason, decision.message, cure_given=decision.cure_given))
            failed: list[Wanted] = [(READY, "False", reason, message), (STALLED, "True", reason, message)]
            if reason is Reason.VERIFICATION_FAILED:
                failed.append((VERIFIED, "False", reason, message))
            return failed
        case Success(result=result):
            message = sentence(result.message)
            verdict = result.verdict or result.reason
            holds: ConditionStatus = "True" if verdict in HOLDING else "Unknown"
            # Where the verdict is not the plain good one, its own explanation says what to make of it.
            judged = message if holds == "True" else explained(verdict, EXPLANATIONS[verdict].cause)
            return [(READY, "True", result.reason, message), (VERIFIED, holds, verdict, judged)]


def _conditions(
    old: tuple[Condition, ...], wanted: list[Wanted], generation: int, now: datetime
) -> tuple[Condition, ...]:
    before = {condition.type: condition for condition in old}
    after = {kind: _condition(before.get(kind), one, generation, now) for one in wanted for kind in [one[0]]}
    if VERIFIED not in after and VERIFIED in before:
        # It speaks of the artifact, which is still there, and of the generation that made it.
        after[VERIFIED] = before[VERIFIED]
    foreign = [condition for condition in old if condition.type not in _OURS]
    return (*(after[kind] for kind in _OURS if kind in after), *foreign)


def _condition(old: Condition | None, wanted: Wanted, generation: int, now: datetime) -> Condition:
    kind, status, reason, message = wanted
    return Condition(
        type=kind,
        status=status,
        reason=reason.value,
        message=message,
        observed_generation=generation,
        last_transition_time=(old.last_transition_time if old is not None and old.status == status else timestamp(now)),
    )
