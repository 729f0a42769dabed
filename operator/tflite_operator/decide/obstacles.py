"""What an attempt that has not ended is at, and what keeps it from going on."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tflite_api.authorities import OF_DESTINATION, OF_MODEL, AuthoritiesReference, AuthoritiesVolume
from tflite_api.explanations import EXPLANATIONS, sentence
from tflite_api.names import CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp
from tflite_operator.decide.decision import PATIENCE, Decision, Failure, Progress
from tflite_operator.decide.refusals import with_cure, with_place
from tflite_operator.decide.state import TERMINATION_GRACE, State
from tflite_operator.decide.verdict import LINGERING
from tflite_operator.observe.job import ObservedJob
from tflite_operator.observe.pod import ObservedPod

_QUEUE_GRACE: Final = timedelta(seconds=10)
"""How long a pod may look for a node before the status says so."""
START_GRACE: Final = timedelta(seconds=30)
"""How long a step may take to start before the cluster is asked what keeps it."""
_JOB_GRACE: Final = timedelta(minutes=2)
"""How long a Job may take to get a pod where nobody says what is in the way: its controller may have much to do."""
_NO_CONFIG_MAP: Final = re.compile(
    r'volume "(?P<volume>[^"]*)" ?: (configmap "[^"]*" not found|.*references non-existent config key)'
)
"""The kubelet's words for a ConfigMap that is not there, or lacks a key (pkg/volume/configmap)."""
_TOLD_BY_EVENTS: Final = frozenset({Reason.POD_NOT_STARTING, Reason.CONFIG_MAP_NOT_FOUND})
_AT_WORK: Final = {PREPARE: Reason.PREPARING, CONVERT: Reason.CONVERTING, PUBLISH: Reason.PUBLISHING}


def under_way(state: State, job: ObservedJob, pod: ObservedPod | None) -> Decision:
    """Return the step of an attempt that has not ended, or what it waits for."""
    if job.suspended:
        queue = f" in queue {job.queue}" if job.queue else ""
        return Progress(
            Reason.QUEUED, f"Job {job.name} (attempt {job.attempt}) is suspended{queue} and waits to be let in", job
        )
    if state.stuck_pod is not None:
        return stuck(state.stuck_pod, job)
    if pod is None:
        return _without_pod(state, job)
    return (
        _ending(state, job, pod)
        or _obstacle(state, job, pod)
        or _not_starting(state, job, pod)
        or _going_on(state, job, pod)
    )


def stuck(pod: ObservedPod, job: ObservedJob | None = None) -> Progress:
    """Return progress: a pod does not end."""
    since = f" since {timestamp(pod.deletion)}" if pod.deletion is not None else ""
    message = f"{_with_node(pod)} is being terminated{since} and does not end"
    return Progress(Reason.POD_STUCK_TERMINATING, message, job)


def lost(pod: ObservedPod, job: ObservedJob, number: int) -> str:
    """Return the message about a pod that was taken from its Job, as the `number`th."""
    why = pod.message or pod.disruption_message or "no reason given"
    return sentence(f"{_with_node(pod)} was taken away ({number} of Job {job.name}): {why}")


def _with_node(pod: ObservedPod) -> str:
    return f"pod {pod.name} on node {pod.node}" if pod.node else f"pod {pod.name}"


def starts_late(pod: ObservedPod, now: datetime) -> bool:
    """Return whether a step of the pod should have started by now, and nothing in the pod itself says why not."""
    if pod.due_since is None or pod.held or pod.image_problem or pod.missing_configuration:
        return False
    return now >= pod.due_since + START_GRACE


def _going_on(state: State, job: ObservedJob, pod: ObservedPod) -> Progress:
    return _step_at_work(job, pod) or _as_before(state, job)


def _ending(state: State, job: ObservedJob, pod: ObservedPod) -> Decision | None:
    """Return what is said of a pod that only has to end for the attempt to be over, or is to be gone."""
    moments = []
    if pod.deletion is not None and not pod.is_over:
        moments.append(pod.deletion + TERMINATION_GRACE)
    if pod.outcome_since is not None:
        moments.append(pod.outcome_since + LINGERING)
    later = [moment for moment in moments if moment > state.now]
    return replace(_as_before(state, job), look_again=min(later)) if later else None


def _obstacle(state: State, job: ObservedJob, pod: ObservedPod) -> Decision | None:
    if pod.missing_configuration:
        return Progress(Reason.SECRET_NOT_FOUND, f"pod {pod.name} waits: {pod.missing_configuration}", job)
    if pod.lacks_image is not None:
        limit = timedelta(seconds=state.settings.image_pull_seconds)
        # A webhook may have put that of a mirror in its place.
        message = f"the converter image {pod.lacks_image.image or job.image} cannot be pulled: {pod.image_problem}"
        pending = Progress(Reason.PENDING, message, job, obstacle=Reason.IMAGE_PULL_FAILED)
        # A later step's image may be pulled again, long after the pod was given its place.
        return _wait(state, pending, (pod.due_since or pod.scheduled or pod.created), limit)
    if pod.missing_volume:
        return Progress(Reason.VOLUME_NOT_FOUND, f"pod {pod.name} waits for its volume: {pod.missing_volume}", job)
    if pod.unschedulable and pod.created is not None and state.now < pod.created + _QUEUE_GRACE:
        # On a busy cluster most pods wait a moment for a place: two status writes that nobody could read in time.
        return replace(_as_before(state, job), look_again=pod.created + _QUEUE_GRACE)
    if pod.unschedulable:
        limit = timedelta(seconds=state.settings.unschedulable_seconds)
        words, has_cure = with_place(pod.unschedulable)
        message = f"pod {pod.name} finds no node: {words}"
        pending = Progress(Reason.PENDING, message, job, obstacle=Reason.UNSCHEDULABLE, cure_given=has_cure)
        return _wait(state, pending, pod.created, limit)
    return None


def _not_starting(state: State, job: ObservedJob, pod: ObservedPod) -> Decision | None:
    """Return what is said where a step should have started, and has not."""
    step, since = pod.step_due, pod.due_since
    if step is None or since is None:
        return None
    if state.now < since + START_GRACE:
        return replace(_going_on(state, job, pod), look_again=since + START_GRACE)
    # It is looked at ever more rarely, as each look asks the server for the pod's Events.
    again = state.now + max(state.now - since, START_GRACE)
    words = pod.held or step.problem or state.pod_warning or _silence(state, pod)
    if words:
        missing = _missing_authorities(state, words)
        if missing:
            message = f"pod {pod.name} waits for {missing}: {words}"
            return Progress(Reason.CONFIG_MAP_NOT_FOUND, message, job, look_again=again)
        message = f"pod {pod.name} does not start: {words}"
        if step.name != PREPARE:
            message = f"container {step.name} of pod {pod.name} does not start: {words}"
        return Progress(Reason.POD_NOT_STARTING, message, job, look_again=again)
    known = _unchanged(state, job)
    if known is not None and known.reason in _TOLD_BY_EVENTS:
        # Not asked is not answered: the present words stay.
        said = known if state.pod_warning is None else _step_at_work(job, pod) or _pending(job)
        return replace(said, look_again=again)
    return replace(_going_on(state, job, pod), look_again=again)


def _silence(state: State, pod: ObservedPod) -> str:
    """Return the words for what no Event tells of; none before the cluster was asked for its own."""
    if state.pod_warning is None:
        return ""
    if pod.stranger is not None:
        told = pod.stranger.problem or ("it has not ended" if pod.stranger.running else "it has not started")
        return f"container {pod.stranger.name}, which somebody else put into it, goes before: {told}"
    if not pod.node:
        return "no scheduler has looked for a node for it" if pod.scheduled is None else ""
    if pod.steps:
        return ""
    since = f" at {timestamp(pod.scheduled)}" if pod.scheduled is not None else ""
    return f"it was assigned to node {pod.node}{since}, whose kubelet has not reported on it (kubectl describe node)"


def _missing_authorities(state: State, words: str) -> str:
    """Return what the kubelet lacks for a volume of authorities that the spec names; nothing where it lacks none."""
    found = _NO_CONFIG_MAP.search(words)
    for volume, reference in _authorities(state):
        if found is not None and found["volume"] == volume.name:
            return f"key {reference.key} of ConfigMap {reference.name} ({volume.field})"
    return ""


def _authorities(state: State) -> list[tuple[AuthoritiesVolume, AuthoritiesReference]]:
    if state.spec is None:
        return []
    model = state.spec.model.s3
    named = [(OF_DESTINATION, state.spec.destination.s3.ca_config_map_ref)]
    if model is not None:
        named.append((OF_MODEL, model.ca_config_map_ref))
    return [(volume, reference) for volume, reference in named if reference is not None]


def _step_at_work(job: ObservedJob, pod: ObservedPod) -> Progress | None:
    step = pod.step_at_work
    if step is None or pod.is_over or pod.being_deleted:
        return None
    if step.name == PREPARE and not step.running:
        return _pending(job)
    reason = _AT_WORK[step.name]
    return Progress(reason, f"{EXPLANATIONS[reason].cause.rstrip('.')} (Job {job.name}, attempt {job.attempt})", job)


def _wait(state: State, pending: Progress, since: datetime | None, limit: timedelta) -> Decision:
    """Return what is pending until its obstacle has been there for too long."""
    if since is None:
        return pending
    if state.now < since + limit or pending.obstacle is None:
        return replace(pending, look_again=since + limit)
    return Failure(pending.obstacle, pending.message or "", pending.job, cure_given=pending.cure_given)


def _without_pod(state: State, job: ObservedJob) -> Decision:
    # The pod itself will be heard of; it is asked why there is none, ever more rarely: a quota may hold up hundreds.
    age = state.now - job.created if job.created is not None else PATIENCE
    again = state.now + max(age, PATIENCE)
    if state.pod_refusal:
        words, has_cure = with_cure(state.pod_refusal)
        message = f"Job {job.name} cannot make its pod: {words}"
        return Progress(Reason.JOB_REFUSED, message, job, look_again=again, cure_given=has_cure)
    if state.pod_refusal is not None and age >= _JOB_GRACE and state.progress in {None, Reason.PENDING}:
        since = f" since {timestamp(job.created)}" if job.created is not None else ""
        message = f"Job {job.name} has no pod{since}, and the Job controller does not say why (kubectl describe job)"
        return Progress(Reason.POD_NOT_STARTING, message, job, look_again=again)
    return replace(_as_before(state, job), look_again=again)


def _unchanged(state: State, job: ObservedJob) -> Progress | None:
    """Keep the present words for the moment between a pod's end and the Job's."""
    known = state.status.job
    if state.progress is None or known is None or known.uid != job.uid:
        return None
    if state.progress is Reason.POD_STUCK_TERMINATING and state.stuck_pod is None:
        return None
    return Progress(state.progress, None, job)


def _as_before(state: State, job: ObservedJob) -> Progress:
    return _unchanged(state, job) or _pending(job)


def _pending(job: ObservedJob) -> Progress:
    return Progress(Reason.PENDING, f"the pod of Job {job.name} (attempt {job.attempt}) has not started yet", job)
