"""The facts about a converter pod that a decision needs: which step runs, what it waits for, how it ended."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tflite_api.names import CONTAINERS, PUBLISH, STEPS, TERMINATION_LOG_BYTES
from tflite_api.steps.step import ExitCode
from tflite_api.text import one_line
from tflite_operator.core.fields import Object, field, integer, mapping, moment, objects, text, word
from tflite_operator.core.labels import CONVERSION_LABEL, NAME_ANNOTATION, Key
from tflite_operator.observe.containers import MemoryLimits, memory_limits

_IMAGE_REASONS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CONFIG_ERROR: Final = "CreateContainerConfigError"
_MISSING: Final = re.compile(r'secret "[^"]*" not found|couldn\'t find key .* in Secret')
"""The kubelet's words for a missing Secret or key, and not for one that it has only not fetched yet (`failed to sync
secret cache`, seen for a second on a busy node), or for a ConfigMap that somebody else named."""
_NO_VOLUME: Final = re.compile(r'persistentvolumeclaim "|PersistentVolumeClaims')
"""The scheduler's words for a claim that is not there or being deleted, and for one that is bound to no volume
(pkg/scheduler/framework/plugins/volumebinding)."""
_STARTS: Final = frozenset({"", "PodInitializing", "ContainerCreating"})
"""The kubelet's reasons for waiting where nothing is wrong."""
_NOT_STARTED: Final = frozenset({"StartError", "ContainerCannotRun"})
"""The kubelet's reasons for the end of a container that it could not start: its message is the runtime's, no report."""
_PASSING: Final = frozenset({"Evicted", "NodeShutdown", "NodeLost", "Preempting", "Shutdown", "Terminated"})
"""The kubelet's reasons for refusing or ending a pod where its node is short of something, or goes away: another node
takes the pod, or this one does later."""
_ARCHITECTURE: Final = "kubernetes.io/arch"
_BACK_OFF: Final = re.compile(r'^Back-off pulling image "[^"]*"(: ErrImagePull: )?')


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a container ended."""

    exit_code: int
    signal: int | None
    reason: str
    report: str
    started: datetime | None
    finished: datetime | None

    @property
    def succeeded(self) -> bool:
        """Return whether the container did its work."""
        return self.exit_code == ExitCode.SUCCEEDED

    @property
    def never_ran(self) -> bool:
        """Return whether the container could not even be started."""
        return self.reason in _NOT_STARTED

    @property
    def seconds(self) -> float | None:
        """How long the container ran."""
        if self.started is None or self.finished is None:
            return None
        return max((self.finished - self.started).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class Step:
    """A container of a converter pod."""

    name: str
    running: bool = False
    waiting: str = ""
    """The kubelet's reason for waiting; empty when it does not wait."""
    waiting_message: str = ""
    end: StepEnd | None = None
    image: str = ""

    @property
    def has_succeeded(self) -> bool:
        """Return whether the container has done its work."""
        return self.end is not None and self.end.succeeded

    @property
    def problem(self) -> str:
        """The kubelet's words where it tries in vain to start the container; empty if it goes on."""
        if self.waiting in _STARTS:
            return ""
        return f"{self.waiting}: {self.waiting_message}" if self.waiting_message else self.waiting

    @property
    def is_progressing(self) -> bool:
        """Return whether nothing is wrong with the container so far."""
        return self.waiting in _STARTS and (self.end is None or self.end.succeeded)


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """The facts about a pod that a decision needs."""

    namespace: str
    name: str
    uid: str
    job_uid: str
    conversion_uid: str
    """By its label, which anybody may have written."""
    conversion_name: str
    """By its annotation, which anybody may have written."""
    created: datetime | None
    phase: str
    reason: str
    message: str
    node: str
    """Where it runs; empty before it has a place."""
    architecture: str
    """That of the nodes that it asks for; empty where any will do."""
    being_deleted: bool
    deletion: datetime | None
    """When it has to be gone: its grace period after somebody asked for its deletion."""
    disrupted: bool
    """Whether somebody takes it away who is not to blame for it: a drain, a preemption, the kubelet, a lost node."""
    disruption: datetime | None
    disruption_message: str
    unschedulable: str
    """The scheduler's words; empty when it found a node or has not looked yet."""
    held: str
    """The words of what keeps the scheduler from looking for a node at all, such as the pod's scheduling gates."""
    scheduled: datetime | None
    memory_limits: MemoryLimits
    """Whatever the Job says: a webhook may have changed them, or a LimitRange given them."""
    steps: tuple[Step, ...]
    stranger: Step | None
    """What somebody else put into the pod before the next step, and has not ended well: that step cannot start."""

    @property
    def key(self) -> Key:
        """Return the conversion that it names, without proof."""
        return self.namespace, self.conversion_name

    @property
    def is_over(self) -> bool:
        """Return whether no container of the pod runs or will run."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def is_progressing(self) -> bool:
        """Return whether the pod tells only how far it has come: all that follows is a word in the status."""
        stopped = self.is_over or self.being_deleted or self.disrupted or self.reason or self.unschedulable or self.held
        published = self.last_step is not None and self.last_step.end is not None
        return not stopped and not published and all(step.is_progressing for step in self.steps)

    @property
    def step_at_work(self) -> Step | None:
        """The step that runs or waits to run; None after the last, and after one that failed."""
        unfinished = next((step for step in self.steps if step.end is None or not step.end.succeeded), None)
        return unfinished if unfinished is not None and (unfinished.running or unfinished.waiting) else None

    @property
    def last_step(self) -> Step | None:
        """Publish."""
        return next((step for step in self.steps if step.name == PUBLISH), None)

    @property
    def failed_step(self) -> Step | None:
        """The first step that ended in failure."""
        return next((step for step in self.steps if step.end is not None and not step.end.succeeded), None)

    @property
    def has_run(self) -> bool:
        """Return whether any step was started."""
        return any(step.running or step.end is not None for step in self.steps)

    @property
    def is_turned_away(self) -> bool:
        """Return whether its node's kubelet did not admit it, for a reason that need not pass."""
        is_taken = self.disrupted or self.being_deleted or self.reason in _PASSING
        return self.phase == "Failed" and bool(self.reason) and not is_taken and not self.has_run

    @property
    def step_due(self) -> Step | None:
        """The step that is the next to start and has not; None where one runs or has failed, and after the last."""
        known = {step.name: step for step in self.steps}
        unfinished = next((name for name in STEPS if name not in known or not known[name].has_succeeded), None)
        if unfinished is None or self.is_over or self.being_deleted:
            return None
        step = known.get(unfinished, Step(unfinished))
        return step if not step.running and step.end is None else None

    @property
    def due_since(self) -> datetime | None:
        """Since when the next step could have started; None where none is due, or the pod looks for a node."""
        step = self.step_due
        if step is None or self.unschedulable:
            return None
        before = [one.end.finished for one in self.steps if one.end is not None and one.end.finished is not None]
        return max(before, default=self.scheduled or self.created)

    @property
    def outcome_since(self) -> datetime | None:
        """Since when its outcome is certain, as a step has failed or the last is done, whatever else runs on in it.

        None if there is none, or the pod is over with it. One that is taken away may be replaced.
        """
        if self.is_over or self.disrupted or self.being_deleted or self.reason:
            return None
        step = self.failed_step or self.last_step
        return step.end.finished if step is not None and step.end is not None else None

    @property
    def missing_configuration(self) -> str:
        """The kubelet's words where a container's Secret or a key of it is missing."""
        waiting = (step.waiting_message for step in self.steps if step.waiting == _CONFIG_ERROR)
        return next((words for words in waiting if _MISSING.search(words)), "")

    @property
    def missing_volume(self) -> str:
        """The scheduler's words where the claim of the pod is not there, or has no volume."""
        return self.unschedulable if _NO_VOLUME.search(self.unschedulable) else ""

    @property
    def lacks_image(self) -> Step | None:
        """The step whose image cannot be had."""
        return next((step for step in self.steps if step.waiting in _IMAGE_REASONS), None)

    @property
    def image_problem(self) -> str:
        """The kubelet's words where the image cannot be had; the same words while it backs off."""
        step = self.lacks_image
        return (_BACK_OFF.sub("", step.waiting_message) or "the kubelet gives no reason") if step is not None else ""


def observe_pod(pod: Object) -> ObservedPod:
    """Read a pod."""
    scheduled, disruption = _condition(pod, "PodScheduled"), _condition(pod, "DisruptionTarget")
    waits = text(scheduled, "reason") if text(scheduled, "status") == "False" else ""
    disrupted = text(disruption, "status") == "True"
    return ObservedPod(
        namespace=word(pod, "metadata", "namespace"),
        name=word(pod, "metadata", "name"),
        uid=word(pod, "metadata", "uid"),
        job_uid=_job_of(pod),
        conversion_uid=word(pod, "metadata", "labels", CONVERSION_LABEL),
        conversion_name=word(pod, "metadata", "annotations", NAME_ANNOTATION),
        created=moment(pod, "metadata", "creationTimestamp"),
        phase=word(pod, "status", "phase"),
        reason=word(pod, "status", "reason"),
        message=one_line(text(pod, "status", "message")),
        node=word(pod, "spec", "nodeName"),
        architecture=word(pod, "spec", "nodeSelector", _ARCHITECTURE),
        being_deleted=bool(field(pod, "metadata", "deletionTimestamp")),
        deletion=moment(pod, "metadata", "deletionTimestamp"),
        disrupted=disrupted,
        disruption=moment(disruption, "lastTransitionTime") if disrupted else None,
        disruption_message=one_line(text(disruption, "message"), 512) if disrupted else "",
        unschedulable=one_line(text(scheduled, "message")) or "no node fits" if waits == "Unschedulable" else "",
        held=one_line(text(scheduled, "message")) or waits if waits not in {"", "Unschedulable"} else "",
        scheduled=moment(scheduled, "lastTransitionTime") if text(scheduled, "status") == "True" else None,
        memory_limits=memory_limits(pod, "spec"),
        steps=_steps(pod),
        stranger=_stranger(pod),
    )


def _job_of(pod: Object) -> str:
    owners = objects(pod, "metadata", "ownerReferences")
    return next((word(owner, "uid") for owner in owners if owner.get("kind") == "Job"), "")


def _condition(pod: Object, kind: str) -> Object:
    return next((one for one in objects(pod, "status", "conditions") if one.get("type") == kind), {})


def _steps(pod: Object) -> tuple[Step, ...]:
    by_name = {
        name: status
        for kind in ("initContainerStatuses", "containerStatuses")
        for status in objects(pod, "status", kind)
        if (name := text(status, "name")) in CONTAINERS
    }
    return tuple(_step(name, by_name[name]) for name in CONTAINERS if name in by_name)


def _stranger(pod: Object) -> Step | None:
    """Return the first init container of somebody else's that the step after it waits for."""
    statuses = list(objects(pod, "status", "initContainerStatuses"))
    if all(text(status, "name") in CONTAINERS for status in statuses):
        return None
    specs = objects(pod, "spec", "initContainers")
    goes_on = {text(one, "name") for one in specs if text(one, "restartPolicy") == "Always"}
    for status in statuses:
        step = _step(word(status, "name"), status)
        is_past = step.has_succeeded or (step.name in goes_on and (step.running or step.is_progressing))
        if not is_past:
            return step if step.name not in CONTAINERS else None
    return None


def _step(name: str, status: Object) -> Step:
    state = mapping(status, "state")
    ended = state.get("terminated")
    return Step(
        name=name,
        running="running" in state,
        waiting=word(state, "waiting", "reason"),
        waiting_message=one_line(text(state, "waiting", "message")),
        end=_step_end(ended) if isinstance(ended, dict) else None,
        image=_image(word(status, "image"), word(status, "imageID")),
    )


def _image(name: str, identifier: str) -> str:
    """Return the image with its digest; an image that was never pulled has one without a name."""
    return f"{name}@{identifier}" if name and identifier.startswith("sha256:") else identifier or name


def _step_end(ended: Object) -> StepEnd:
    code = integer(ended, "exitCode")
    return StepEnd(
        # A container without an exit code did not succeed.
        exit_code=1 if code is None else code,
        signal=integer(ended, "signal"),
        reason=one_line(text(ended, "reason"), 64),
        report=text(ended, "message")[:TERMINATION_LOG_BYTES],
        started=moment(ended, "startedAt"),
        finished=moment(ended, "finishedAt"),
    )
