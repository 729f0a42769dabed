"""What an attempt that has not ended is at, and what keeps it from going on."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tflite_api.explanations import EXPLANATIONS
from tflite_api.names import CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import PATIENCE, Decision, Failure, Progress
from tflite_operator.decide.state import State
from tflite_operator.observe.job import ObservedJob
from tflite_operator.observe.pod import ObservedPod

_QUEUE_GRACE: Final = timedelta(seconds=10)
"""How long a pod may look for a node before the status says so."""
_AT_WORK: Final = {PREPARE: Reason.PREPARING, CONVERT: Reason.CONVERTING, PUBLISH: Reason.PUBLISHING}


def under_way(state: State, job: ObservedJob, pod: ObservedPod | None) -> Decision:
    """Return the step of an attempt that has not ended, or what it waits for."""
    if job.suspended:
        queue = f" in queue {job.queue}" if job.queue else ""
        return Progress(
            Reason.QUEUED, f"Job {job.name} (attempt {job.attempt}) is suspended{queue} and waits to be let in", job
        )
    if pod is None:
        return _without_pod(state, job)
    return _obstacle(state, job, pod) or _step_at_work(job, pod) or _unchanged(state, job) or _pending(job)


def _obstacle(state: State, job: ObservedJob, pod: ObservedPod) -> Decision | None:
    if pod.missing_configuration:
        return Progress(Reason.SECRET_NOT_FOUND, f"pod {pod.name} waits: {pod.missing_configuration}", job)
    if pod.image_problem:
        limit = timedelta(seconds=state.settings.image_pull_seconds)
        message = f"the converter image {job.image} cannot be pulled: {pod.image_problem}"
        return _wait(state, job, Reason.IMAGE_PULL_FAILED, message, (pod.scheduled or pod.created), limit)
    if pod.missing_volume:
        return Progress(Reason.VOLUME_NOT_FOUND, f"pod {pod.name} waits for its volume: {pod.missing_volume}", job)
    if pod.unschedulable and pod.created is not None and state.now < pod.created + _QUEUE_GRACE:
        # On a busy cluster most pods wait a moment for a place: two status writes that nobody could read in time.
        said = _unchanged(state, job) or _pending(job)
        return replace(said, look_again=pod.created + _QUEUE_GRACE)
    if pod.unschedulable:
        limit = timedelta(seconds=state.settings.unschedulable_seconds)
        message = f"pod {pod.name} finds no node: {pod.unschedulable}"
        return _wait(state, job, Reason.UNSCHEDULABLE, message, pod.created, limit)
    return None


def _step_at_work(job: ObservedJob, pod: ObservedPod) -> Decision | None:
    step = pod.step_at_work
    if step is None or pod.is_over or pod.being_deleted:
        return None
    if step.name == PREPARE and not step.running:
        return _pending(job)
    reason = _AT_WORK[step.name]
    return Progress(reason, f"{EXPLANATIONS[reason].cause.rstrip('.')} (Job {job.name}, attempt {job.attempt})", job)


def _wait(
    state: State, job: ObservedJob, reason: Reason, message: str, since: datetime | None, limit: timedelta
) -> Decision:
    if since is not None and state.now >= since + limit:
        return Failure(reason, message, job)
    return Progress(Reason.PENDING, message, job, look_again=since + limit if since is not None else None)


def _without_pod(state: State, job: ObservedJob) -> Decision:
    if state.pod_refusal:
        return Progress(Reason.JOB_REFUSED, f"Job {job.name} cannot make its pod: {state.pod_refusal}", job)
    # The pod itself will be heard of; it is asked why there is none, ever more rarely: a quota may hold up hundreds.
    age = state.now - job.created if job.created is not None else PATIENCE
    return replace(_unchanged(state, job) or _pending(job), look_again=state.now + max(age, PATIENCE))


def _unchanged(state: State, job: ObservedJob) -> Progress | None:
    """Keep the present words for the moment between a pod's end and the Job's."""
    known = state.status.job
    if state.progress is None or known is None or known.uid != job.uid:
        return None
    return Progress(state.progress, None, job)


def _pending(job: ObservedJob) -> Progress:
    return Progress(Reason.PENDING, f"the pod of Job {job.name} (attempt {job.attempt}) has not started yet", job)
