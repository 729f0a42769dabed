"""The policies: each answers one question about a state, or leaves it to the next."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.fields import parse_moment
from tflite_operator.core.labels import job_name
from tflite_operator.decide.decision import (
    PATIENCE,
    Decision,
    Failure,
    Following,
    NoChange,
    Pause,
    Progress,
    Start,
    Success,
)
from tflite_operator.decide.obstacles import stuck, under_way
from tflite_operator.decide.refusals import with_cure
from tflite_operator.decide.state import State
from tflite_operator.decide.verdict import COUNTED, Ended, judge
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.observe.job import ObservedJob

Policy = Callable[[State, ConversionSpec], Decision | None]

_CURABLE: Final = frozenset(
    {Reason.INVALID_SPEC, Reason.IMAGE_PULL_FAILED, Reason.UNSCHEDULABLE, Reason.NAME_COLLISION}
)
"""Failures that somebody can cure without touching the conversion: they are looked at again."""
_WAITING: Final = frozenset(
    {
        Reason.SECRET_NOT_FOUND,
        Reason.VOLUME_NOT_FOUND,
        Reason.CONFIG_MAP_NOT_FOUND,
        Reason.JOB_REFUSED,
        Reason.POD_NOT_STARTING,
        Reason.POD_STUCK_TERMINATING,
    }
)
"""A Job that reaches its deadline while it waits for these has not been tried."""
_UNSEEN: Final = frozenset({Reason.PENDING, Reason.QUEUED})
"""What the status says of a Job whose pod has not run a step, as far as anybody saw."""


def decide(state: State) -> Decision:
    """Ask the policies in order; the first that answers decides."""
    if state.spec is None:
        return Failure(Reason.INVALID_SPEC, state.conversion.spec_problem)
    for policy in POLICIES:
        decision = policy(state, state.spec)
        if decision is not None:
            return decision
    return NoChange()


def pause(_: State, spec: ConversionSpec) -> Decision | None:
    """Pause if the spec says suspend."""
    return Pause(Reason.SUSPENDED, "the spec says suspend: true; no Job runs") if spec.suspend else None


def run_once_more(state: State, _: ConversionSpec) -> Decision | None:
    """Start a forced run if the annotation asks for one more."""
    return _start(state, state.attempt + 1, 0, forced=True) if state.is_superseded else None


def rest_when_settled(state: State, _: ConversionSpec) -> Decision | None:
    """Change nothing if the outcome is already in the status, whatever became of the Job."""
    # Without its Job, which goes by its time to live, nothing is left that could still go on.
    is_over = state.job is None and state.status.completion_time is not None
    is_done = state.settled is not None and (state.settled not in _CURABLE or is_over)
    return NoChange() if is_done and not state.has_unknown_job else None


def spare_foreign_jobs(state: State, _: ConversionSpec) -> Decision | None:
    """Fail if another Job has the name of the status's Job: it is never adopted."""
    return _collision(state, state.attempt) if state.job is None else None


def follow_the_job(state: State, spec: ConversionSpec) -> Decision | None:
    """Follow the Job of the attempt, if there is one."""
    job = state.job
    if job is None:
        return None
    match judge(spec, job, state.pod, state.now, state.forged_pods.get(job.uid, "")):
        case Success() as success:
            return success
        case Ended() as ended:
            return _after_failure(state, job, ended)
        case None:
            return under_way(state, job, state.pod)


def replace_a_deleted_job(state: State, _: ConversionSpec) -> Decision | None:
    """Start the next attempt if somebody deleted the Job of this one."""
    gone = state.status.job
    if state.attempt == 0 or gone is None:
        return None
    waiting = state.progress
    if state.status.next_attempt_time and waiting is not None:
        # It had failed before: what is known of it is in the status.
        failures = (gone.failures or 0) + (waiting in COUNTED)
        return _next_attempt(state, _known(state, waiting), failures, _planned(state))
    failures = (gone.failures or 0) + 1
    message = f"the Job of attempt {state.attempt} was deleted before it was done"
    if failures >= state.settings.crash_attempts:
        return Failure(Reason.JOB_DELETED, f"{message}, as were {failures} in all")
    return _start(state, state.attempt + 1, failures, forced=state.is_forced)


def start(state: State, _: ConversionSpec) -> Decision | None:
    """Start the first attempt."""
    return _start(state, 1, 0, forced=False)


POLICIES: Final[tuple[Policy, ...]] = (
    pause,
    run_once_more,
    rest_when_settled,
    spare_foreign_jobs,
    follow_the_job,
    replace_a_deleted_job,
    start,
)


def _start(state: State, attempt: int, failures: int, *, forced: bool) -> Decision:
    if state.must_wait and state.stuck_pod is not None:
        return replace(stuck(state.stuck_pod), supersedes=state.is_superseded)
    if state.must_wait:
        return Progress(
            Reason.PENDING,
            "waiting for the pods of an earlier Job to end",
            look_again=state.now + PATIENCE,
            supersedes=state.is_superseded,
        )
    name = job_name(state.identity, attempt)
    if leaving := state.leaving(name):
        message = f"waiting for an earlier Job to go: {leaving}"
        return Progress(Reason.PENDING, message, look_again=state.now + PATIENCE, supersedes=state.is_superseded)
    if state.refusal is not None:
        words, has_cure = with_cure(state.refusal)
        message = f"the API server refused Job {name}: {words}"
        return Progress(Reason.JOB_REFUSED, message, supersedes=state.is_superseded, cure_given=has_cure)
    return _collision(state, attempt) or Start(Attempt(attempt, failures, state.conversion.request, forced))


def _collision(state: State, attempt: int) -> Decision | None:
    name = job_name(state.identity, attempt)
    if name not in state.foreign_names:
        return None
    return Failure(Reason.NAME_COLLISION, f"a Job named {name} exists that does not belong to this conversion")


def _after_failure(state: State, job: ObservedJob, ended: Ended) -> Decision:
    if ended.reason is Reason.DEADLINE_EXCEEDED:
        untried = _not_tried(state, job, ended)
        if untried is not None:
            return untried
    if not ended.is_retried:
        return Failure(ended.reason, ended.message, job, ended.result, ended.time, ended.cure_given)
    failures = job.failures + (ended.reason in COUNTED)
    if ended.reason in COUNTED and failures >= state.settings.crash_attempts:
        message = f"{ended.message}; {failures} attempts came to nothing like this"
        return Failure(ended.reason, message, job, ended.result, ended.time, ended.cure_given)
    said = Progress(ended.reason, ended.message, state.job, cure_given=ended.cure_given)
    return _next_attempt(state, said, failures, _retry_time(state, job, ended))


def _not_tried(state: State, job: ObservedJob, ended: Ended) -> Decision | None:
    """Try again, or fail with the cause, if something else than the conversion used up the deadline."""
    before, cause = state.settled or state.progress, state.status.cause
    again = _retry_time(state, job, ended)
    if before in _WAITING and before is not None:
        return _next_attempt(state, _known(state, before), job.failures, again)
    if before in _CURABLE and before is not None:
        known = _known(state, before)
        return Failure(before, known.message or "", job, ended=ended.time, cure_given=known.cure_given)
    lost = state.disruptions.count
    if lost:
        message = f"{ended.message}, which the loss of {lost} of its pods to evictions or drains had used up"
        return _next_attempt(state, Progress(Reason.POD_DISRUPTED, message, job), job.failures, again)
    if before not in _UNSEEN or (state.pod is not None and state.pod.has_run):
        return None
    if cause is not None and cause.reason in _CURABLE:
        return Failure(Reason(cause.reason), cause.message, job, ended=ended.time, cure_given=bool(cause.cure_given))
    message = f"{ended.message}; its pod had not started by then"
    return _next_attempt(state, Progress(Reason.POD_NOT_STARTING, message, job), job.failures, again)


def _next_attempt(state: State, said: Progress, failures: int, when: datetime | None) -> Decision:
    attempt = state.attempt + 1
    if when is not None and state.must_wait and state.now >= when:
        # The words of what failed stay: they are nowhere else once its Job is gone.
        said = stuck(state.stuck_pod) if state.stuck_pod is not None else said
        return replace(said, following=Following(attempt, when), look_again=state.now + PATIENCE)
    if when is None or state.now >= when:
        return _start(state, attempt, failures, forced=state.is_forced)
    return replace(said, following=Following(attempt, when), look_again=when)


def _retry_time(state: State, job: ObservedJob, ended: Ended) -> datetime | None:
    since = ended.time or job.created
    return since + state.settings.retry_delay(job.attempt) if since is not None else None


def _planned(state: State) -> datetime | None:
    return parse_moment(state.status.next_attempt_time or "")


def _known(state: State, reason: Reason) -> Progress:
    """Return why the conversion is not done, as the status has it."""
    cause = state.status.cause
    if cause is None:
        return Progress(reason, "", state.job)
    return Progress(reason, cause.message, state.job, cure_given=bool(cause.cure_given))
