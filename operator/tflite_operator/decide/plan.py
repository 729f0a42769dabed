"""Plans what to do about a conversion: a pure function of what is observed, the time and the settings."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tflite_api.reasons import Outcome, Reason
from tflite_api.status import ConversionStatus, JobReference
from tflite_operator.decide.decision import (
    Action,
    CreateCleanup,
    CreateJob,
    Decision,
    DeleteJob,
    EmitEvent,
    Failure,
    Pause,
    Progress,
    Rest,
    SetFinalizer,
    SetJobTTL,
    Spoken,
    Start,
    Success,
)
from tflite_operator.decide.deletion import decide_deletion
from tflite_operator.decide.policies import decide
from tflite_operator.decide.situation import Observation, Situation, understand
from tflite_operator.decide.status import write_status
from tflite_operator.settings import Settings

_ANNOUNCED = frozenset({Reason.SECRET_NOT_FOUND, Reason.VOLUME_NOT_FOUND, Reason.JOB_REFUSED})


@dataclass(frozen=True)
class Plan:
    """What to do, in this order: `actions`, then the status, then `follow_ups`."""

    actions: tuple[CreateJob | DeleteJob | CreateCleanup | SetFinalizer | EmitEvent, ...] = ()
    status: ConversionStatus | None = None
    """None where it is to stay as it is."""
    follow_ups: tuple[SetJobTTL | EmitEvent, ...] = ()
    look_again: timedelta | None = None
    finished: Reason | None = None
    """The reason, where this plan settles the conversion."""

    @property
    def everything(self) -> tuple[Action, ...]:
        """All actions in their order."""
        return (*self.actions, *self.follow_ups)

    @property
    def is_at_rest(self) -> bool:
        """Return whether there is nothing to do."""
        return not self.everything and self.status is None


def plan(observation: Observation, now: datetime, settings: Settings) -> Plan:
    """Decide what to do about a conversion."""
    situation = understand(observation, now, settings)
    stale = _stale_jobs(situation) if situation.conversion.has_finalizer or not situation.being_deleted else ()
    if situation.being_deleted:
        let_go = decide_deletion(situation)
        return Plan((*stale, *let_go.actions), look_again=let_go.look_again)
    hold = situation.spec is not None and situation.spec.deletion_policy == "Delete"
    if situation.spec is not None and hold != situation.conversion.has_finalizer:
        return Plan(actions=(SetFinalizer(present=hold),))
    decision = decide(situation)
    if isinstance(decision, Start):
        return Plan(actions=(*stale, CreateJob(decision.attempt)))
    if isinstance(decision, Rest):
        return Plan(actions=stale, follow_ups=_ttls(situation, decision))
    old = situation.status
    new = write_status(old, decision, situation.identity.generation, now)
    return Plan(
        actions=stale,
        status=new if new != old else None,
        follow_ups=(*_events(old, new, decision), *_ttls(situation, decision)),
        look_again=_wait(decision, now, settings),
        finished=None if isinstance(decision, Progress | Pause) or _key(old) == _key(new) else _reason(decision),
    )


def _stale_jobs(situation: Situation) -> tuple[DeleteJob, ...]:
    """Jobs that may still run and should not: two may not write at once."""
    outdated = (job for job in situation.unwanted_jobs if job.end is None and not job.being_deleted)
    return tuple(DeleteJob(job.name, job.uid) for job in outdated)


def _ttls(situation: Situation, decision: Decision) -> tuple[SetJobTTL, ...]:
    """Jobs whose outcome is in the status once this plan is executed."""
    done = _told(situation, decision)
    return tuple(
        SetJobTTL(job.name, job.uid, situation.settings.job_ttl_seconds)
        for job in situation.jobs
        if (job.end is not None or job.uid == done) and not job.has_ttl and not job.being_deleted
    )


def _told(situation: Situation, decision: Decision) -> str:
    """Return the UID of the Job whose outcome the status tells, perhaps before the Job's own controller does."""
    if isinstance(decision, Success):
        return decision.job.uid
    return situation.known_job.uid if isinstance(decision, Rest) and situation.known_job is not None else ""


def _wait(decision: Spoken, now: datetime, settings: Settings) -> timedelta | None:
    if isinstance(decision, Success | Pause):
        return None
    safety = timedelta(seconds=settings.recheck_seconds)
    if isinstance(decision, Failure) or decision.look_again is None:
        return safety
    return min(max(decision.look_again - now, timedelta(0)), safety)


def _events(old: ConversionStatus, new: ConversionStatus, decision: Spoken) -> tuple[EmitEvent, ...]:
    """Return the turning points between two statuses, so that none is told twice."""
    events = []
    if new.job is not None and (old.job is None or old.job.uid != new.job.uid):
        events.append(_started(old, new.job))
    reason = _reason(decision)
    tells = not isinstance(decision, Progress) or reason in _ANNOUNCED or decision.following is not None
    if tells and (_key(old) != _key(new) or old.next_attempt_time != new.next_attempt_time):
        warning = reason.outcome not in {Outcome.SUCCESS, Outcome.PAUSED}
        events.append(EmitEvent(warning, reason, _message(new)))
    return tuple(events)


def _started(old: ConversionStatus, job: JobReference) -> EmitEvent:
    message = f"Attempt {job.attempt} started as Job {job.name}."
    if job.anew and not (old.job is not None and old.job.anew and not old.job.superseded):
        return EmitEvent(False, Reason.PENDING, f"One more run was asked for. {message}")
    if job.attempt > 1 and old.job is not None and old.next_attempt_time is None:
        return EmitEvent(True, Reason.JOB_DELETED, f"The Job of attempt {old.job.attempt} is gone. {message}")
    return EmitEvent(False, Reason.PENDING, message)


def _reason(decision: Spoken) -> Reason:
    return decision.result.reason if isinstance(decision, Success) else decision.reason


def _ready(status: ConversionStatus) -> tuple[str, str, str]:
    found = next((one for one in status.conditions or () if one.type == "Ready"), None)
    return (found.status, found.reason, found.message) if found is not None else ("", "", "")


def _key(status: ConversionStatus) -> tuple[int, str, str]:
    return (status.observed_generation, *_ready(status)[:2])


def _message(status: ConversionStatus) -> str:
    return _ready(status)[2]
