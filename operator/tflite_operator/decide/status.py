"""Writes the status that follows from a decision."""

from datetime import datetime
from typing import Final

from tflite_api.explanations import EXPLANATIONS, explained, sentence
from tflite_api.reasons import Reason
from tflite_api.status import Condition, ConditionStatus, ConversionStatus, JobReference
from tflite_api.step import StepResult
from tflite_operator.core.fields import clean, timestamp
from tflite_operator.decide.decision import Failure, Pause, Progress, Spoken, Success
from tflite_operator.observe.job import ObservedJob

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
VERIFIED: Final = "Verified"
_OURS: Final = (READY, RECONCILING, STALLED, VERIFIED)

Wanted = tuple[str, ConditionStatus, Reason, str]


def write_status(old: ConversionStatus, decision: Spoken, generation: int, now: datetime) -> ConversionStatus:
    """Give the status after a decision. What the decision says nothing of stays, the last good artifact above all."""
    job = None if isinstance(decision, Pause) else decision.job
    is_new = old.observed_generation != generation or (job is not None and _is_another_run(old.job, job))
    started = None if is_new else old.start_time
    if started is None and job is not None and job.created is not None:
        started = timestamp(job.created)
    changes: dict[str, object] = {
        "observed_generation": generation,
        "conditions": _conditions(old.conditions or (), _wanted(decision), generation, now),
        "start_time": started,
        "completion_time": None,
        "next_attempt_time": None,
    }
    if job is not None:
        changes |= {"job": _reference(job), "last_handled_request": job.request or None}
    match decision:
        case Progress(supersedes=True) if old.job is not None:
            changes["job"] = old.job.model_copy(update={"superseded": True})
        case Progress(next_attempt=datetime() as when):
            changes["next_attempt_time"] = timestamp(when)
        case Success(result=result, image=image, ended=ended):
            changes |= _artifact(result, image)
            changes["completion_time"] = timestamp(ended) if ended is not None else None
        case Failure(reason=reason, result=result, ended=ended):
            if reason is Reason.VERIFICATION_FAILED and result is not None and result.verification is not None:
                changes["verification"] = result.verification
            changes["completion_time"] = timestamp(ended) if ended is not None else None
    return old.model_copy(update=changes)


def _artifact(result: StepResult, image: str) -> dict[str, object]:
    provenance = result.provenance
    if provenance is not None and provenance.converter_image is None and image:
        provenance = provenance.model_copy(update={"converter_image": clean(image)})
    return {
        "artifact": result.artifact,
        "attestation": result.attestation,
        "signature": result.signature,
        "additional_signatures": result.additional_signatures,
        "verification": result.verification,
        "provenance": provenance,
    }


def _reference(job: ObservedJob) -> JobReference:
    return JobReference(
        name=job.name,
        uid=job.uid,
        attempt=max(job.attempt, 1),
        failures=max(job.failures, 0),
        anew=job.anew or None,
    )


def _is_another_run(known: JobReference | None, job: ObservedJob) -> bool:
    """Hold for the first Job of one more run: its attempts start with no failures."""
    return job.anew and (known is None or (known.uid != job.uid and not known.anew))


def _wanted(decision: Spoken) -> list[Wanted]:
    match decision:
        case Pause(reason=reason):
            return [(READY, "Unknown", reason, explained(reason, decision.message))]
        case Progress(reason=reason):
            message = explained(reason, decision.message)
            return [(READY, "Unknown", reason, message), (RECONCILING, "True", reason, message)]
        case Failure(reason=reason):
            message = explained(reason, decision.message)
            failed: list[Wanted] = [(READY, "False", reason, message), (STALLED, "True", reason, message)]
            if reason is Reason.VERIFICATION_FAILED:
                failed.append((VERIFIED, "False", reason, message))
            return failed
        case Success(result=result):
            message = sentence(result.message)
            verdict = result.verdict or result.reason
            holds: ConditionStatus = "True" if verdict is Reason.SNR_SUFFICIENT else "Unknown"
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
    strangers = [condition for condition in old if condition.type not in _OURS]
    return (*(after[kind] for kind in _OURS if kind in after), *strangers)


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
