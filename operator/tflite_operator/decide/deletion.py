"""Decides how a conversion that is being deleted is let go: with its artifact, or after a while without."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tflite_api.explanations import explained
from tflite_api.names import CLEANUP
from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.labels import cleanup_name
from tflite_operator.decide.decision import PATIENCE, CreateCleanup, DeleteJob, EmitEvent, SetFinalizer
from tflite_operator.decide.obstacles import stuck
from tflite_operator.decide.state import State
from tflite_operator.decide.step_report import UnbelievableReportError, read_report
from tflite_operator.observe.pod import StepEnd


@dataclass(frozen=True)
class LettingGo:
    """What to do about a conversion that is being deleted. The Event is emitted first, so that it is not lost."""

    actions: tuple[CreateCleanup | DeleteJob | EmitEvent | SetFinalizer, ...] = ()
    look_again: timedelta | None = None


_NOTHING: Final = LettingGo()
_RELEASE: Final = LettingGo((SetFinalizer(present=False),))


def decide_deletion(state: State) -> LettingGo:
    """Ask the questions in order; the first that answers decides.

    Whatever happens, the finalizer goes: after settings.cleanup_seconds of waiting for what keeps the cleanup from
    being made, and as many of waiting for the cleanup.
    """
    if not state.conversion.has_finalizer:
        return _NOTHING
    if state.namespace_ends:
        return _leave_behind(state)
    if state.spec is None:
        return _failed("the artifact", state.conversion.spec_problem)
    uri = state.spec.destination.s3.uri
    answers = (question(state, state.spec, uri) for question in _QUESTIONS)
    return next((answer for answer in answers if answer is not None), LettingGo((CreateCleanup(),)))


def _release_what_stays(state: State, spec: ConversionSpec, _: str) -> LettingGo | None:
    """Let the conversion go if the artifact is to stay, or if none was ever begun."""
    untouched = not state.jobs and state.status.job is None and state.status.artifact is None
    return _RELEASE if spec.deletion_policy == "Retain" or untouched else None


def _follow_the_cleanup(state: State, _: ConversionSpec, uri: str) -> LettingGo | None:
    """Let the conversion go if its cleanup is over; a failure is reported."""
    cleanup = state.cleanup
    if cleanup is None:
        return None
    pod = state.pod_of(cleanup)
    step = next((one for one in pod.steps if one.name == CLEANUP), None) if pod is not None else None
    if step is not None and step.end is not None and (step.end.succeeded or cleanup.end is not None):
        return _reported(step.end, uri)
    return _failed(uri, f"the cleanup ended: {cleanup.end.reason}") if cleanup.end is not None else None


def _spare_foreign_jobs(state: State, _: ConversionSpec, uri: str) -> LettingGo | None:
    """Let the conversion go with a report if another Job has the cleanup's name."""
    name = cleanup_name(state.identity)
    is_foreign = state.cleanup is None and name in state.foreign_names
    return _failed(uri, f"a Job named {name} exists that is not the operator's") if is_foreign else None


def _replace_a_forged_cleanup(state: State, _: ConversionSpec, __: str) -> LettingGo | None:
    """Wait if the cleanup's name has a Job that is not as the operator makes it: it is being deleted."""
    name = cleanup_name(state.identity)
    return LettingGo(look_again=PATIENCE) if name in state.forged_jobs else None


def _give_up(state: State, _: ConversionSpec, uri: str) -> LettingGo | None:
    """Let the conversion go with a report if it has waited too long."""
    cleanup = state.cleanup
    is_held_up = state.must_wait or state.refusal is not None or cleanup_name(state.identity) in state.forged_jobs
    if cleanup is None and not is_held_up:
        # The operator itself may have been away for so long, or its clock be ahead: nothing was tried yet.
        return None
    begun = [state.conversion.deletion, cleanup.created if cleanup is not None else None]
    since = max((moment for moment in begun if moment is not None), default=None)
    if since is None or state.now < since + _limit(state):
        return None
    failed = _failed(uri, _still_waiting(state))
    if cleanup is None:
        return failed
    # Later it would delete what the next conversion of that name has written.
    told, *released = failed.actions
    return LettingGo((told, DeleteJob(cleanup.name, cleanup.uid), *released))


def _wait(state: State, _: ConversionSpec, __: str) -> LettingGo | None:
    """Wait if something has to end first: the cleanup, or a pod that may still upload."""
    waits = state.must_wait or state.cleanup is not None or state.refusal is not None
    return LettingGo(look_again=PATIENCE) if waits else None


_QUESTIONS: Final = (
    _release_what_stays,
    _follow_the_cleanup,
    _spare_foreign_jobs,
    _give_up,
    _replace_a_forged_cleanup,
    _wait,
)


def _reported(end: StepEnd, uri: str) -> LettingGo:
    try:
        result = read_report(CLEANUP, end.exit_code, end.report)
    except UnbelievableReportError as refused:
        return _failed(uri, f"the cleanup ended with exit code {end.exit_code}, and {refused}")
    if result.reason is not Reason.ARTIFACT_DELETED:
        return _failed(uri, result.message)
    event = EmitEvent(False, result.reason, explained(result.reason, result.message))
    return LettingGo((event, *_RELEASE.actions))


def _leave_behind(state: State) -> LettingGo:
    """Let it go with a namespace that is being deleted: no Job can be made there any more."""
    uri = state.spec.destination.s3.uri if state.spec is not None else "its artifact"
    words = (
        f"{uri} may still be there: conversion {state.identity.name} was deleted with its namespace"
        f" {state.identity.namespace}, in which nothing could run any more that would delete it"
    )
    reason = Reason.CLEANUP_FAILED
    event = EmitEvent(True, reason, explained(reason, words), elsewhere=True)
    return LettingGo((event, *_RELEASE.actions))


def _limit(state: State) -> timedelta:
    return timedelta(seconds=state.settings.cleanup_seconds)


def _still_waiting(state: State) -> str:
    if state.refusal is not None:
        return f"the API server refused the Job that deletes it: {state.refusal}"
    cleanup = state.cleanup
    pod = state.pod_of(cleanup) if cleanup is not None else None
    why = state.pod_refusal or ""
    if cleanup is not None and cleanup.suspended:
        queue = f" in queue {cleanup.queue}" if cleanup.queue else ""
        why = f"Job {cleanup.name} is suspended{queue} and was not let in"
    elif pod is not None:
        told = pod.missing_configuration or pod.image_problem or pod.unschedulable or pod.held
        why = told or state.pod_warning or ""
    if state.stuck_pod is not None:
        why = stuck(state.stuck_pod).message or why
    outcome = f"still waits: {why}" if why else "was not done"
    return f"after {_limit(state).total_seconds():.0f} s its cleanup {outcome}"


def _failed(what: str, why: str) -> LettingGo:
    reason = Reason.CLEANUP_FAILED
    event = EmitEvent(True, reason, explained(reason, f"{what} may still be there: {why}"))
    return LettingGo((event, *_RELEASE.actions))
