"""Brings one conversion one step further: read, plan, act. The same for every event, timer and restart."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from tflite_api import names
from tflite_api.resource.status import ConversionStatus
from tflite_operator.core.fields import field
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import READY, Key
from tflite_operator.decide.decision import CreateCleanup, CreateJob, DeleteJob, EmitEvent, SetFinalizer, SetJobTTL
from tflite_operator.decide.plan import Plan, plan
from tflite_operator.decide.state import Observation
from tflite_operator.jobs.job import build_cleanup, build_job
from tflite_operator.kube.client import Client
from tflite_operator.kube.errors import (
    ClusterError,
    ConflictError,
    NamespaceTerminatingError,
    NotFoundError,
    RefusedError,
)
from tflite_operator.observe.conversion import ObservedConversion, observe_conversion
from tflite_operator.observe.job import observe_job
from tflite_operator.reconcile.events import build_event
from tflite_operator.reconcile.observer import Caches, Observer, needs_confirmation
from tflite_operator.reconcile.rate_limit import RateLimiter
from tflite_operator.settings import Settings
from tflite_operator.telemetry.log import LOGGER, about
from tflite_operator.telemetry.metrics import (
    ATTEMPTS,
    FINISHED,
    RECONCILE_SECONDS,
    RECONCILES,
    STATUS_WRITES,
    STEP_SECONDS,
    TRIALS,
)

_ROUNDS: Final = 6
"""A reconcile needs four rounds at most (confirm, delete, create, write); more is a sign of something else at work."""
_PROGRESS_SECONDS: Final = 1.0
"""Between two statuses that only tell of progress: of steps that take less, nobody could read each."""
_PROGRESS_RATE: Final = 5.0
"""Statuses a second, of all conversions together, that only tell of progress: hundreds at once have better use of the
API server, and nobody to watch each."""
_EVENT_RATE: Final = 1.0
_EVENT_BURST: Final = 50
"""Normal Events of all conversions together. What is left out is in the status and in the log; a warning never is."""
_TTL_RATE: Final = 2.0
_TTL_BURST: Final = 10
"""Finished Jobs that get their time to live, which is counted from the Job's end anyway."""
_TTL_PAUSE: Final = 0.2
"""Seconds that a finished Job waits for its time to live for each other conversion that is under way: those that
somebody waits for come first."""
_CONFIRM_RATE: Final = 5.0
"""Conversions a second, of all together, that are read from the server although nothing was heard of them: thousands
that wait in a queue for hours cost it no more than hundreds."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _never() -> None:
    return None


@dataclass
class InFlight:
    """What is remembered of an unfinished conversion between reconciles. Forgetting it costs a few requests."""

    due: float
    """When it is read from the server although nothing was heard of it."""
    refusals: int = 0
    """How many times in a row its Job was refused."""
    written: float = -math.inf
    """When its status was last written."""
    made: frozenset[str] = frozenset()
    """UIDs of the Jobs that were made for it."""


class Reconciler:
    """Reconciles conversions."""

    def __init__(
        self,
        client: Client,
        caches: Caches,
        settings: Settings,
        instance: str,
        clock: Callable[[], datetime] = _utc_now,
        seconds: Callable[[], float] = time.monotonic,
        guarded_since: Callable[[], datetime | None] = _never,
    ) -> None:
        """Take what it works with.

        Args:
            client: the API server.
            caches: what is in memory.
            settings: what the administrator decides.
            instance: names this process in Events.
            clock: tells the time.
            seconds: measures time that passes.
            guarded_since: tells since when the admission policies keep others from making Jobs and pods.
        """
        self._client = client
        self._caches = caches
        self._observer = Observer(client, caches, settings, clock, seconds, guarded_since)
        self._settings = settings
        self._instance = instance
        self._clock = clock
        self._seconds = seconds
        self._in_flight: dict[Key, InFlight] = {}
        self._events = RateLimiter(_EVENT_RATE, _EVENT_BURST, seconds)
        self._ttls = RateLimiter(_TTL_RATE, _TTL_BURST, seconds)
        self._ttls_due: dict[Key, float] = {}
        """When finished Jobs of a conversion get their time to live, where that has to wait."""

    async def reconcile(self, key: Key) -> float | None:
        """Reconcile a conversion; return the seconds after which to do so again, or None."""
        begun = time.monotonic()
        result = "error"
        try:
            again = await self._advance(key)
            result = "ok"
        except (NotFoundError, NamespaceTerminatingError):
            # Deleted meanwhile: what it owned goes with it. Unless the watch never says so.
            result, again = "gone", self._settings.recheck_seconds if key in self._caches.conversions else None
            self._in_flight.pop(key, None)
            self._ttls_due.pop(key, None)
        except ClusterError:
            # The request may have been carried out nevertheless, and the caches do not know.
            self._track(key).due = self._seconds()
            raise
        finally:
            RECONCILES.labels(result).inc()
            RECONCILE_SECONDS.observe(time.monotonic() - begun)
        return again

    async def _advance(self, key: Key) -> float | None:
        memory, now = self._track(key), self._seconds()
        conversions = self._caches.conversions
        confirmed = now >= memory.due or (key in conversions and not conversions.holds(key))
        if confirmed:
            memory.due = now + self._confirm_seconds()
        observe = self._observer.confirmed if confirmed else self._observer.known
        observation = await observe(key, memory.made)
        for _ in range(_ROUNDS):
            planned = plan(observation, self._clock(), self._settings)
            if not confirmed and needs_confirmation(observation, planned):
                observation, confirmed = await self._observer.confirmed(key, memory.made), True
                continue
            wait = self.low_priority_delay(key)
            if wait > 0 and planned.look_again is not None and _only_tells_of_progress(planned):
                return min(wait, planned.look_again.total_seconds())
            at_pace = replace(planned, follow_ups=tuple(self._due_follow_ups(key, planned)))
            try:
                after = await self._act(key, observation, at_pace)
            except ConflictError:
                after, confirmed = await self._observer.confirmed(key, memory.made), True
            if after is None:
                return self._again(key, observation, planned)
            observation = after
        raise ClusterError("the conversion or its Jobs change faster than they can be read")

    def low_priority_delay(self, key: Key) -> float:
        """Return the seconds by which a request of low priority may be delayed.

        While it is under way that is a status that only tells how far it has come, later its Job's time to live.
        """
        memory = self._in_flight.get(key)
        if memory is None:
            return max(self._ttls_due.get(key, 0.0) - self._seconds(), 0.0)
        pause = max(_PROGRESS_SECONDS, len(self._in_flight) / _PROGRESS_RATE)
        return max(memory.written + pause - self._seconds(), 0.0)

    def _track(self, key: Key) -> InFlight:
        return self._in_flight.setdefault(key, InFlight(self._seconds() + self._confirm_seconds()))

    def _confirm_seconds(self) -> float:
        return max(self._settings.recheck_seconds, len(self._in_flight) / _CONFIRM_RATE)

    async def _act(self, key: Key, seen: Observation, planned: Plan) -> Observation | None:
        """Do what is planned; return the observation to plan from next, or None when all is done."""
        identity = seen.conversion.identity
        for action in planned.actions:
            match action:
                case DeleteJob():
                    await self._delete(identity, action)
                case CreateJob() | CreateCleanup():
                    return await self._create(key, identity, seen, action)
                case EmitEvent():
                    await self._follow_up(identity, action)
                case SetFinalizer():
                    held = await self._hold(identity, seen.conversion, action)
                    if held is not None:
                        return replace(seen, conversion=held)
        if planned.status is not None:
            await self._write(identity, seen.conversion, planned.status)
            self._track(key).written = self._seconds()
        if planned.finished is not None:
            self._count(planned, seen)
        for follow_up in planned.follow_ups:
            await self._follow_up(identity, follow_up)
        return None

    async def _hold(
        self, identity: Identity, conversion: ObservedConversion, action: SetFinalizer
    ) -> ObservedConversion | None:
        """Set or remove our finalizer; return the conversion as it then is, or None where it is let go."""
        others = [one for one in conversion.finalizers if one != names.FINALIZER]
        wanted = [*others, names.FINALIZER] if action.present else others
        held = await self._client.set_finalizers(
            identity.namespace, identity.name, conversion.version, identity.uid, wanted
        )
        if field(held, "metadata", "deletionTimestamp"):
            return None
        return observe_conversion(held, self._settings, conversion)

    async def _create(
        self, key: Key, identity: Identity, seen: Observation, action: CreateJob | CreateCleanup
    ) -> Observation:
        spec = seen.conversion.spec
        if spec is None:
            raise ClusterError(f"a Job was planned from a spec that makes no sense: {seen.conversion.spec_problem}")
        match action:
            case CreateJob(attempt=attempt):
                job = build_job(identity, spec, attempt, self._settings, seen.conversion.queue_labels)
            case CreateCleanup():
                job = build_cleanup(identity, spec, self._settings)
        name = job["metadata"]["name"]
        try:
            made = await self._client.create_job(job)
        except RefusedError as refused:
            self._track(key).refusals += 1
            LOGGER.warning("the API server refused a Job: %s", refused, extra=about(identity, job=name))
            return replace(seen, refusal=str(refused))
        except ConflictError:
            return await self._observer.with_job_by_name(seen, name)
        except NamespaceTerminatingError:
            if isinstance(action, CreateJob):
                raise
            return replace(seen, namespace_ends=True)
        self._caches.jobs.record(made)
        observed = observe_job(made)
        memory = self._track(key)
        memory.refusals, memory.made = 0, memory.made | {observed.uid}
        if isinstance(action, CreateJob):
            ATTEMPTS.inc()
        LOGGER.info("created Job %s", name, extra=about(identity, job=name))
        return replace(seen, jobs=[*seen.jobs, observed], evidence=seen.evidence.with_made(observed.uid))

    async def _delete(self, identity: Identity, action: DeleteJob) -> None:
        try:
            await self._client.delete_job(identity.namespace, action.name, action.uid)
        except (NotFoundError, ConflictError):
            return
        LOGGER.info("deleted a Job that counts no more", extra=about(identity, job=action.name))

    async def _write(self, identity: Identity, conversion: ObservedConversion, status: ConversionStatus) -> None:
        changes = difference(conversion.written_status, status.to_object())
        written = await self._client.patch_status(
            identity.namespace, identity.name, conversion.version, identity.uid, changes
        )
        self._caches.conversions.record(written)
        STATUS_WRITES.inc()
        ready = next((one for one in status.conditions or () if one.type == READY), None)
        if ready is not None:
            LOGGER.info("%s: %s", ready.reason, ready.message, extra=about(identity, ready=ready.status))

    async def _follow_up(self, identity: Identity, action: SetJobTTL | EmitEvent) -> None:
        try:
            match action:
                case SetJobTTL():
                    kept = await self._client.set_job_ttl(identity.namespace, action.name, action.uid, action.seconds)
                    # It may show for the first time how the Job ended: nothing waits for that once the status tells.
                    self._caches.jobs.record(kept)
                case EmitEvent():
                    if action.elsewhere:
                        LOGGER.warning("%s: %s", action.reason, action.message, extra=about(identity))
                    event = build_event(identity, action, self._instance, self._clock())
                    await self._client.create_event(event)
        except (NotFoundError, ConflictError, NamespaceTerminatingError):
            return
        except ClusterError as error:
            if isinstance(action, SetJobTTL) and not isinstance(error, RefusedError):
                raise
            # The outcome is in the status; an Event is a courtesy.
            LOGGER.warning("a follow-up failed: %s", error, extra=about(identity, action=type(action).__name__))

    def _count(self, planned: Plan, seen: Observation) -> None:
        if planned.finished is None or planned.status is None or planned.status.job is None:
            return
        FINISHED.labels(planned.finished.value).inc()
        for trial in planned.trials:
            TRIALS.labels(trial.type, trial.outcome).inc()
        for pod in seen.pods:
            for step in pod.steps if pod.job_uid == planned.status.job.uid else ():
                if step.end is not None and step.end.seconds is not None:
                    STEP_SECONDS.labels(step.name).observe(step.end.seconds)

    def _due_follow_ups(self, key: Key, planned: Plan) -> Iterator[SetJobTTL | EmitEvent]:
        """Return the follow-ups that the rate limits let through now."""
        ttls = [follow_up for follow_up in planned.follow_ups if isinstance(follow_up, SetJobTTL)]
        for event in (follow_up for follow_up in planned.follow_ups if isinstance(follow_up, EmitEvent)):
            if event.warning or self._events.try_acquire():
                yield event
        if ttls and key not in self._ttls_due:
            others = len(self._in_flight) - (key in self._in_flight)
            self._ttls_due[key] = max(self._ttls.reserve(), self._seconds() + others * _TTL_PAUSE)
        if not ttls or self._ttls_due[key] <= self._seconds():
            self._ttls_due.pop(key, None)
            yield from ttls

    def _again(self, key: Key, observation: Observation, planned: Plan) -> float | None:
        if observation.refusal is not None:
            # Each refusal doubles the wait.
            return self._settings.retry_delay(max(self._track(key).refusals, 1)).total_seconds()
        waits = [self._ttls_due[key] - self._seconds()] if key in self._ttls_due else []
        if planned.look_again is None:
            self._in_flight.pop(key, None)
        else:
            waits.append(planned.look_again.total_seconds())
        return max(min(waits), 0.0) if waits else None


def _only_tells_of_progress(planned: Plan) -> bool:
    """Return whether a plan does nothing but write how far an attempt has come."""
    status = planned.status
    return (
        status is not None and status.next_attempt_time is None and planned.finished is None and not planned.everything
    )


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) that makes `new` of `old`."""
    changes: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = difference(before, value)
            if inner:
                changes[name] = inner
        elif name not in old or value != before:
            changes[name] = value
    return changes
