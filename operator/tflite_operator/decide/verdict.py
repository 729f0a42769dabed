"""Judges an attempt that ended: from what the Job, the pod and the steps' reports say."""

import re
import signal
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tflite_api.names import CONTAINERS, CONVERT
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import SIGNAL_BASE, ExitCode, StepResult
from tflite_api.steps.variants import addressed
from tflite_api.text import one_line
from tflite_operator.decide.decision import Success
from tflite_operator.decide.step_report import UnbelievableReportError, check_artifact, read_report
from tflite_operator.observe.containers import limit_of
from tflite_operator.observe.job import JobEnd, ObservedJob
from tflite_operator.observe.pod import ObservedPod, Step, StepEnd

COUNTED: Final = frozenset({Reason.STEP_CRASHED, Reason.START_FAILED, Reason.JOB_DELETED, Reason.SERVER_UNREACHABLE})
"""Reasons that are tried again only so many times: nothing outside is known to be at fault, or it is a name or a
certificate that somebody has to put right."""

LINGERING: Final = timedelta(seconds=30)
"""How long a Job may go on once its outcome is certain. What a service mesh or a log shipper puts into a pod may never
end, and the pod and the Job with it."""

_OVER_LIMIT: Final = re.compile(r"exceed(s|ed)\b")
_SCRATCH_FULL: Final = re.compile(r"ephemeral|emptydir|storage|disk", re.IGNORECASE)
_VOLUME: Final = re.compile(r"emptydir volume", re.IGNORECASE)
_CONTAINER: Final = re.compile(r"^Container (\S+) exceeded its local ephemeral storage limit")
"""In words of the kubelet's eviction manager, where it is the limit of one container."""
_RUNTIME_CHARACTERS: Final = 512
_NODE_LOW: Final = "node was low on resource"
_FOREIGN_PROGRAM: Final = "exec format error"
"""Linux' words (ENOEXEC) where a program is none for this machine."""
_REJECTED: Final = "Pod was rejected: "
"""What the kubelet says before its reasons for not admitting a pod."""
_FOREIGN_PROGRAM_CODE: Final = 255
"""What runc ends with where the program of a container is none for this machine: it says so in the log alone."""


@dataclass(frozen=True)
class Ended:
    """An attempt that brought no artifact."""

    reason: Reason
    message: str
    time: datetime | None
    result: StepResult | None = None
    cure_given: bool = False
    """Whether the message says what to change; else the reason's own cure does."""

    @property
    def is_retried(self) -> bool:
        """Return whether another attempt may follow."""
        return self.reason.outcome is Outcome.RETRIED


def judge(
    spec: ConversionSpec, job: ObservedJob, pod: ObservedPod | None, now: datetime, forgery: str = ""
) -> Success | Ended | None:
    """Judge an attempt; None while it goes on. `forgery` says what is wrong with a pod that only passes for its own.

    A success is taken from the pod as soon as it is there: the Job's controller says so a second later. A failure
    waits for the Job, which knows whether it replaces the pod, and when the attempt ended; but not for ever, as
    something else in the pod may run on.
    """
    refused = ""
    if pod is not None:
        try:
            success = _success(spec, job, pod)
        except UnbelievableReportError as error:
            refused = str(error)
        else:
            if success is not None:
                return success
    ended = _ended(spec, job, pod, now, refused, forgery)
    return replace(ended, result=_addressed(ended.result, spec)) if ended is not None else None


def _ended(
    spec: ConversionSpec, job: ObservedJob, pod: ObservedPod | None, now: datetime, refused: str, forgery: str
) -> Ended | None:
    if job.end is None:
        return _lingering(job, pod, now, refused)
    if job.end.reason == "DeadlineExceeded" and not _has_told(pod):
        message = f"Job {job.name} was stopped after spec.activeDeadlineSeconds ({spec.active_deadline_seconds} s)"
        return Ended(Reason.DEADLINE_EXCEEDED, message, job.end.time)
    if refused:
        return Ended(Reason.STEP_CRASHED, f"container publish succeeded, but {refused}", job.end.time)
    return _failure(job, job.end, pod, forgery)


def _lingering(job: ObservedJob, pod: ObservedPod | None, now: datetime, refused: str) -> Ended | None:
    """Judge an attempt whose Job goes on although a step has failed, or the last one is done."""
    since = pod.outcome_since if pod is not None else None
    if pod is None or since is None or now < since + LINGERING:
        return None
    step = pod.failed_step
    if step is not None and step.end is not None:
        return _failed_step(job, pod, step, step.end, since)
    return Ended(Reason.STEP_CRASHED, f"container publish succeeded, but {refused}", since) if refused else None


def _has_told(pod: ObservedPod | None) -> bool:
    """Return whether a step ended by itself, and not because the deadline took the pod away."""
    step = pod.failed_step if pod is not None else None
    if step is None or step.end is None:
        return False
    return step.end.never_ran or step.end.exit_code in {ExitCode.SPEC_MUST_CHANGE, ExitCode.TRY_AGAIN}


def _success(spec: ConversionSpec, job: ObservedJob, pod: ObservedPod) -> Success | None:
    last = pod.last_step
    if last is None or last.end is None or not last.end.succeeded:
        return None
    result = read_report(last.name, last.end.exit_code, last.end.report)
    check_artifact(result, spec)
    return Success(_addressed(result, spec) or result, job, image=last.image or job.image, ended=last.end.finished)


def _addressed(result: StepResult | None, spec: ConversionSpec) -> StepResult | None:
    """Return a result with the addresses of variants, which a report may lack and the spec always has."""
    if result is None or result.variants is None:
        return result
    return result.model_copy(update={"variants": addressed(result.variants, spec) or None})


def _without_pod(job: ObservedJob, end: JobEnd, forgery: str) -> Ended:
    if forgery:
        words = f"Job {job.name} ended, but its pod is not as the operator asked for it, and is not believed: {forgery}"
        return Ended(Reason.STEP_CRASHED, words, end.time)
    if end.succeeded:
        words = f"Job {job.name} succeeded, but its pod is gone and with it the report"
        return Ended(Reason.STEP_CRASHED, words, end.time)
    return Ended(Reason.POD_DISRUPTED, f"the pod of Job {job.name} was deleted before it was done", end.time)


def _failure(job: ObservedJob, end: JobEnd, pod: ObservedPod | None, forgery: str) -> Ended:
    if pod is None:
        return _without_pod(job, end, forgery)
    step = pod.failed_step
    if pod.reason == "Evicted":
        return _eviction(pod, end.time)
    taken = (pod.disrupted or pod.being_deleted) and not _has_told(pod)
    if pod.stranger is not None and pod.stranger.end is not None and not taken and step is None:
        return _failed_stranger(pod, pod.stranger, pod.stranger.end, end.time)
    if pod.is_turned_away and step is None:
        return _turned_away(pod, end.time)
    if taken or step is None or step.end is None:
        words = f"pod {pod.name} was stopped: {pod.message or pod.reason or 'deleted'}"
        return Ended(Reason.POD_DISRUPTED, words, end.time)
    return _failed_step(job, pod, step, step.end, end.time)


def _eviction(pod: ObservedPod, time: datetime | None) -> Ended:
    words = pod.message or "no reason given"
    evicted = f"pod {pod.name} was evicted: {words}"
    if not _OVER_LIMIT.search(words) or not _SCRATCH_FULL.search(words) or _NODE_LOW in words:
        return Ended(Reason.POD_DISRUPTED, evicted, time)
    return Ended(Reason.OUT_OF_DISK, f"{evicted.rstrip(' .')}: {_more_room(words)}", time, cure_given=True)


def _more_room(words: str) -> str:
    """Return who can give more room to what the kubelet says has used up its own."""
    # The limit of an emptyDir follows from the operator's settings, that of a container from the spec.
    if _VOLUME.search(words):
        return "use a smaller model, or have the administrator give it more room"
    named = _CONTAINER.search(words)
    container = named[1] if named is not None else CONVERT
    if container not in CONTAINERS:
        return "have whoever put that container into the pod give it more room"
    field = "resources" if container == CONVERT else f"stepResources.{container}"
    return f"use a smaller model, or give it more room with spec.{field}.limits.ephemeral-storage"


def _failed_stranger(pod: ObservedPod, stranger: Step, end: StepEnd, time: datetime | None) -> Ended:
    why = f" ({end.reason})" if end.reason not in {"", "Error"} else ""
    said = one_line(end.report, _RUNTIME_CHARACTERS)
    words = f"container {stranger.name}, which somebody else put into pod {pod.name}, ended with {_code(end)}{why}"
    cure = "have whoever put it there look at its log, or keep it out of these pods with spec.podMetadata"
    return Ended(
        Reason.STEP_CRASHED,
        f"{words}: {said.rstrip(' .')}; {cure}" if said else f"{words}; {cure}",
        time,
        cure_given=True,
    )


def _turned_away(pod: ObservedPod, time: datetime | None) -> Ended:
    said = pod.message.removeprefix(_REJECTED)
    words = f"node{_named(pod)} turned pod {pod.name} away: {pod.reason}"
    return Ended(Reason.START_FAILED, f"{words}: {said}" if said else words, time)


def _failed_step(job: ObservedJob, pod: ObservedPod, step: Step, end: StepEnd, time: datetime | None) -> Ended:
    limit = limit_of(pod.memory_limits, step.name) or limit_of(job.memory_limits, step.name)
    if end.reason == "OOMKilled":
        return _killed(pod, step, limit, time)
    if end.never_ran:
        return _not_started(pod, step, end, time)
    try:
        result = read_report(step.name, end.exit_code, end.report)
    except UnbelievableReportError as refused:
        words = f"container {step.name} ended with {_code(end)}, and {refused}"
        if end.exit_code == _FOREIGN_PROGRAM_CODE and not end.report.strip():
            words = f"{words}, as where the image is not for the architecture of its node{_named(pod)}"
            words = f"{words} ({pod.architecture})" if pod.architecture else words
        return Ended(Reason.STEP_CRASHED, words, time)
    message = result.message
    if result.reason is Reason.OUT_OF_MEMORY and limit not in message:
        message = f"{message} (container {step.name} has a memory limit of {limit})"
    if result.reason is Reason.INTERNAL_ERROR:
        message = f"{message} (container {step.name})"
    return Ended(result.reason, message, time, result, bool(result.cure_given))


def _not_started(pod: ObservedPod, step: Step, end: StepEnd, time: datetime | None) -> Ended:
    said = one_line(end.report, _RUNTIME_CHARACTERS) or end.reason
    words = f"container {step.name} could not be started on node{_named(pod)}: {said}"
    if _FOREIGN_PROGRAM not in said:
        return Ended(Reason.START_FAILED, words, time)
    cure = "the image is not for the architecture of that node: choose others with spec.nodeSelector kubernetes.io/arch"
    if pod.architecture:
        cure = (
            f"the image is not for {pod.architecture}, which the pod asks of its node (kubernetes.io/arch):"
            " choose another with spec.nodeSelector, or have the administrator give an image for this one"
        )
    return Ended(Reason.START_FAILED, f"{words.rstrip(' .')}; {cure}", time, cure_given=True)


def _killed(pod: ObservedPod, step: Step, limit: str, time: datetime | None) -> Ended:
    """Judge a container that the kernel killed for want of memory; it says the same of a limit's and of the node's."""
    field = "resources" if step.name == CONVERT else f"stepResources.{step.name}"
    if not limit:
        words = (
            f"container {step.name} has no memory limit of its own, and was killed as its node{_named(pod)} had none"
        )
        cure = f"set spec.{field}.requests.memory to what it needs, so that it gets a node with as much"
        return Ended(Reason.OUT_OF_MEMORY, f"{words} left: {cure}", time, cure_given=True)
    words = f"container {step.name} was killed for want of memory: it reached its limit of {limit}"
    words = f"{words}, or its node{_named(pod)} had none left"
    if step.name == CONVERT:
        return Ended(Reason.OUT_OF_MEMORY, words, time)
    cure = (
        f"raise spec.{field}.limits.memory, or, if it was the node (SystemOOM in kubectl describe node),"
        f" spec.{field}.requests.memory"
    )
    return Ended(Reason.OUT_OF_MEMORY, f"{words}; {cure}", time, cure_given=True)


def _named(pod: ObservedPod) -> str:
    return f" {pod.node}" if pod.node else ""


def _code(end: StepEnd) -> str:
    number = end.signal or end.exit_code - SIGNAL_BASE
    try:
        name = f" ({signal.Signals(number).name})"
    except ValueError:
        name = ""
    return f"exit code {end.exit_code}{name}"
