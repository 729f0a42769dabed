"""Judges an attempt that ended: from what the Job, the pod and the steps' reports say."""

import re
import signal
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tflite_api.names import CONVERT
from tflite_api.reasons import Outcome, Reason
from tflite_api.spec import ConversionSpec
from tflite_api.step import StepResult
from tflite_operator.decide.decision import Success
from tflite_operator.decide.step_report import UnbelievableReportError, check_artifact, read_report
from tflite_operator.observe.job import JobEnd, ObservedJob
from tflite_operator.observe.pod import ObservedPod, Step, StepEnd

COUNTED: Final = frozenset({Reason.STEP_CRASHED, Reason.JOB_DELETED})
"""Reasons that are tried again only so many times: nothing outside is known to be at fault."""

_OVER_LIMIT: Final = re.compile(r"exceed(s|ed)\b")
_SCRATCH_FULL: Final = re.compile(r"ephemeral|emptydir|storage|disk", re.IGNORECASE)
_VOLUME: Final = re.compile(r"emptydir volume", re.IGNORECASE)
_DISK_FIELD: Final = "spec.resources.limits.ephemeral-storage"
_NODE_LOW: Final = "node was low on resource"


@dataclass(frozen=True)
class Ended:
    """An attempt that brought no artifact."""

    reason: Reason
    message: str
    time: datetime | None
    result: StepResult | None = None

    @property
    def is_retried(self) -> bool:
        """Return whether another attempt may follow."""
        return self.reason.outcome is Outcome.RETRIED


def judge(spec: ConversionSpec, job: ObservedJob, pod: ObservedPod | None) -> Success | Ended | None:
    """Judge an attempt; None while it goes on.

    A success is taken from the pod as soon as it is there: the Job's controller says so a second later. A failure
    waits for the Job, which knows whether it replaces the pod, and when the attempt ended.
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
    if job.end is None:
        return None
    if job.end.reason == "DeadlineExceeded":
        message = f"Job {job.name} was stopped after spec.activeDeadlineSeconds ({spec.active_deadline_seconds} s)"
        return Ended(Reason.DEADLINE_EXCEEDED, message, job.end.time)
    if refused:
        return Ended(Reason.STEP_CRASHED, f"container publish succeeded, but {refused}", job.end.time)
    reason, message, result = _failure(job, job.end, pod)
    return Ended(reason, message, job.end.time, result)


def _success(spec: ConversionSpec, job: ObservedJob, pod: ObservedPod) -> Success | None:
    last = pod.last_step
    if last is None or last.end is None or last.end.exit_code != 0:
        return None
    result = read_report(last.name, last.end.exit_code, last.end.report)
    check_artifact(result, spec)
    return Success(result, job, image=last.image or job.image, ended=last.end.finished)


def _failure(job: ObservedJob, end: JobEnd, pod: ObservedPod | None) -> tuple[Reason, str, StepResult | None]:
    if pod is None:
        if end.succeeded:
            return Reason.STEP_CRASHED, f"Job {job.name} succeeded, but its pod is gone and with it the report", None
        return Reason.POD_DISRUPTED, f"the pod of Job {job.name} was deleted before it was done", None
    step = pod.failed_step
    if pod.reason == "Evicted":
        return *_eviction(pod), None
    if pod.disrupted or pod.being_deleted or step is None or step.end is None:
        return Reason.POD_DISRUPTED, f"pod {pod.name} was stopped: {pod.message or pod.reason or 'deleted'}", None
    return _failed_step(job, step, step.end)


def _eviction(pod: ObservedPod) -> tuple[Reason, str]:
    words = pod.message or "no reason given"
    evicted = f"pod {pod.name} was evicted: {words}"
    if not _OVER_LIMIT.search(words) or not _SCRATCH_FULL.search(words) or _NODE_LOW in words:
        return Reason.POD_DISRUPTED, evicted
    # The limit of an emptyDir follows from the operator's settings, that of a container from the spec.
    more_room = "give it more room"
    cure = f"have the administrator {more_room}" if _VOLUME.search(words) else f"{more_room} with {_DISK_FIELD}"
    return Reason.OUT_OF_DISK, f"{evicted.rstrip(' .')}: use a smaller model, or {cure}"


def _failed_step(job: ObservedJob, step: Step, end: StepEnd) -> tuple[Reason, str, StepResult | None]:
    limit = job.memory_limit(step.name)
    bound = f"container {step.name} has a memory limit of {limit}" if limit else f"container {step.name}"
    if end.reason == "OOMKilled":
        cure = "" if step.name == CONVERT else "; only the administrator can raise that one"
        return Reason.OUT_OF_MEMORY, f"{bound}, which it exceeded{cure}", None
    try:
        result = read_report(step.name, end.exit_code, end.report)
    except UnbelievableReportError as refused:
        return Reason.STEP_CRASHED, f"container {step.name} ended with {_code(end)}, and {refused}", None
    if result.reason is Reason.OUT_OF_MEMORY and limit not in result.message:
        return result.reason, f"{result.message} ({bound})", result
    if result.reason is Reason.INTERNAL_ERROR:
        return result.reason, f"{result.message} (container {step.name})", result
    return result.reason, result.message, result


def _code(end: StepEnd) -> str:
    number = end.signal or end.exit_code - 128
    try:
        name = f" ({signal.Signals(number).name})"
    except ValueError:
        name = ""
    return f"exit code {end.exit_code}{name}"
