"""Decides how a conversion that is being deleted is let go: with its artifact, or after a while without."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tflite_api.explanations import explained
from tflite_api.names import CLEANUP
from tflite_api.reasons import Reason
from tflite_api.spec import ConversionSpec
from tflite_operator.core.labels import cleanup_name
from tflite_operator.decide.decision import PATIENCE, CreateCleanup, EmitEvent, SetFinalizer
from tflite_operator.decide.situation import Situation
from tflite_operator.decide.step_report import UnbelievableReportError, read_report
from tflite_operator.observe.pod import StepEnd


@dataclass(frozen=True)
class LettingGo:
    """What to do about a conversion that is being deleted; the Event comes before what it tells of, lest it be lost."""

    actions: tuple[CreateCleanup | EmitEvent | SetFinalizer, ...] = ()
    look_again: timedelta | None = None


_NOTHING: Final = LettingGo()
_RELEASE: Final = LettingGo((SetFinalizer(present=False),))


def decide_deletion(situation: Situation) -> LettingGo:
    """Ask the questions in order; the first that answers decides.

    Whatever happens, the finalizer goes after settings.cleanup_seconds.
    """
    if not situation.conversion.has_finalizer:
        return _NOTHING
    if situation.namespace_ends:
        return _RELEASE
    if situation.spec is None:
        return _failed("the artifact", situation.conversion.spec_problem)
    uri = situation.spec.destination.s3.uri
    answers = (question(situation, situation.spec, uri) for question in _QUESTIONS)
    return next((answer for answer in answers if answer is not None), LettingGo((CreateCleanup(),)))


def _release_what_stays(situation: Situation, spec: ConversionSpec, _: str) -> LettingGo | None:
    """Is there nothing to delete: is the artifact to stay, or was none ever begun?"""
    untouched = not situation.jobs and situation.status.job is None and situation.status.artifact is None
    return _RELEASE if spec.deletion_policy == "Retain" or untouched else None


def _follow_the_cleanup(situation: Situation, _: ConversionSpec, uri: str) -> LettingGo | None:
    """Is the cleanup over?"""
    cleanup = situation.cleanup
    if cleanup is None:
        return None
    pod = situation.pod_of(cleanup)
    step = next((one for one in pod.steps if one.name == CLEANUP), None) if pod is not None else None
    if step is not None and step.end is not None and (step.end.exit_code == 0 or cleanup.end is not None):
        return _reported(step.end, uri)
    return _failed(uri, f"the cleanup ended: {cleanup.end.reason}") if cleanup.end is not None else None


def _spare_foreign_jobs(situation: Situation, _: ConversionSpec, uri: str) -> LettingGo | None:
    """Has somebody else's Job the name of the cleanup?"""
    name = cleanup_name(situation.identity)
    is_foreign = situation.cleanup is None and name in situation.foreign_names
    return _failed(uri, f"a Job named {name} exists that is not the operator's") if is_foreign else None


def _give_up(situation: Situation, _: ConversionSpec, uri: str) -> LettingGo | None:
    """Has it waited long enough?"""
    late = situation.conversion.deletion is not None and situation.now >= situation.conversion.deletion + _limit(
        situation
    )
    return _failed(uri, _still_waiting(situation)) if late else None


def _wait(situation: Situation, _: ConversionSpec, __: str) -> LettingGo | None:
    """Does something have to end first: the cleanup, or a pod that may still upload?"""
    waits = situation.is_crowded or situation.cleanup is not None or situation.refusal is not None
    return LettingGo(look_again=PATIENCE) if waits else None


_QUESTIONS: Final = (_release_what_stays, _follow_the_cleanup, _spare_foreign_jobs, _give_up, _wait)


def _reported(end: StepEnd, uri: str) -> LettingGo:
    try:
        result = read_report(CLEANUP, end.exit_code, end.report)
    except UnbelievableReportError as refused:
        return _failed(uri, f"the cleanup ended with exit code {end.exit_code}, and {refused}")
    if result.reason is not Reason.ARTIFACT_DELETED:
        return _failed(uri, result.message)
    event = EmitEvent(False, result.reason, explained(result.reason, result.message))
    return LettingGo((event, *_RELEASE.actions))


def _limit(situation: Situation) -> timedelta:
    return timedelta(seconds=situation.settings.cleanup_seconds)


def _still_waiting(situation: Situation) -> str:
    if situation.refusal is not None:
        return f"the API server refused the Job that deletes it: {situation.refusal}"
    cleanup = situation.cleanup
    pod = situation.pod_of(cleanup) if cleanup is not None else None
    why = (pod.missing_configuration or pod.image_problem or pod.unschedulable) if pod is not None else ""
    state = f"still waits: {why}" if why else "was not done"
    return f"after {_limit(situation).total_seconds():.0f} s its cleanup {state}"


def _failed(what: str, why: str) -> LettingGo:
    reason = Reason.CLEANUP_FAILED
    event = EmitEvent(True, reason, explained(reason, f"{what} may still be there: {why}"))
    return LettingGo((event, *_RELEASE.actions))
