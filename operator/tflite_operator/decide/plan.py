"""Plans what to do about a conversion: a pure function of what is observed, the time and the settings."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.status import ConversionStatus, JobReference, Trial
from tflite_api.steps.step import StepResult
from tflite_operator.decide.decision import (
    PATIENCE,
    Action,
    CreateCleanup,
    CreateJob,
    Decision,
    DeleteJob,
    EmitEvent,
    Failure,
    NoChange,
    Pause,
    Progress,
    Reported,
    SetFinalizer,
    SetJobTTL,
    Start,
    Success,
)
from tflite_operator.decide.deletion import decide_deletion
from tflite_operator.decide.obstacles import lost
from tflite_operator.decide.policies import decide
from tflite_operator.decide.state import Observation, State, state_of
from tflite_operator.decide.status import write_status
from tflite_operator.decide.verdict import LINGERING
from tflite_operator.settings import Settings

_ANNOUNCED = frozenset(
    {
        Reason.SECRET_NOT_FOUND,
        Reason.VOLUME_NOT_FOUND,
        Reason.CONFIG_MAP_NOT_FOUND,
        Reason.JOB_REFUSED,
        Reason.POD_NOT_STARTING,
        Reason.POD_STUCK_TERMINATING,
    }
)


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
    trials: tuple[Trial, ...] = ()
    """What was tried for it then, where its type is Auto."""

    @property
    def everything(self) -> tuple[Action, ...]:
        """All actions in their order."""
        return (*self.actions, *self.follow_ups)


def plan(observation: Observation, now: datetime, settings: Settings) -> Plan:
    """Return what to do about a conversion."""
    state = state_of(observation, now, settings)
    stale = _stale_jobs(state) if state.conversion.has_finalizer or not state.being_deleted else ()
    if state.being_deleted:
        let_go = decide_deletion(state)
        return Plan((*stale, *let_go.actions), look_again=let_go.look_again)
    hold = state.spec is not None and state.spec.deletion_policy == "Delete"
    if state.spec is not None and hold != state.conversion.has_finalizer:
        return Plan(actions=(SetFinalizer(present=hold),))
    decision = decide(state)
    if isinstance(decision, Start):
        return Plan(actions=(*stale, CreateJob(decision.attempt)))
    old = new = state.status
    if not isinstance(decision, NoChange):
        new = write_status(old, decision, state.identity.generation, now, state.disruptions)
    actions = (*stale, *(_lingering_job(state, decision) if new == old else ()))
    deleted = {job.uid for job in actions}
    ttls = tuple(one for one in _ttls(state, decision) if one.uid not in deleted)
    if isinstance(decision, NoChange):
        return Plan(actions=actions, follow_ups=ttls, look_again=_until_it_lingers(state))
    finished = None if isinstance(decision, Progress | Pause) or _key(old) == _key(new) else _reason(decision)
    return Plan(
        actions=actions,
        status=new if new != old else None,
        follow_ups=(*_events(old, new, decision), *_losses(state, new), *ttls),
        look_again=_look_again(state, decision, is_told=new == old),
        finished=finished,
        trials=_trials(decision) if finished is not None else (),
    )


def _trials(decision: Reported) -> tuple[Trial, ...]:
    """Return the trials that were made just now: an artifact that is reused tells of those of another time."""
    match decision:
        case Success(result=result) | Failure(result=StepResult() as result) if result.reason is not Reason.REUSED:
            return result.trials or ()
        case _:
            return ()


def _stale_jobs(state: State) -> tuple[DeleteJob, ...]:
    """Jobs that may still run and should not: two may not write at once."""
    outdated = [job for job in state.unwanted_jobs if job.end is None]
    # One that passes for the operator's stands in the way of another by its name alone.
    forged = [job for job, _ in state.forged_jobs.values()]
    return tuple(DeleteJob(job.name, job.uid) for job in (*outdated, *forged) if not job.being_deleted)


def _ttls(state: State, decision: Decision) -> tuple[SetJobTTL, ...]:
    """Jobs whose outcome is in the status once this plan is executed."""
    done = _told(state, decision)
    return tuple(
        SetJobTTL(job.name, job.uid, state.settings.job_ttl_seconds)
        for job in state.jobs
        if (job.end is not None or job.uid == done) and not job.has_ttl and not job.being_deleted
    )


def _told(state: State, decision: Decision) -> str:
    """Return the UID of the Job whose outcome the status tells, perhaps before the Job's own controller does."""
    if isinstance(decision, Success):
        return decision.job.uid
    return state.known_job.uid if isinstance(decision, NoChange) and state.known_job is not None else ""


def _lingering_job(state: State, decision: Decision) -> tuple[DeleteJob, ...]:
    """Return the Job whose outcome the status tells, where something in its pod keeps it from ending."""
    job, known, until = state.job, state.known_job, _lingers_from(state)
    counts_no_more = isinstance(decision, NoChange) or (isinstance(decision, Progress) and decision.following)
    if job is None or until is None or state.now < until or not counts_no_more:
        return ()
    return (DeleteJob(job.name, job.uid),) if known is not None and known.uid == job.uid else ()


def _lingers_from(state: State) -> datetime | None:
    """Return from when on the latest Job goes on for nothing; None where its outcome is open, or it ends by itself."""
    job, pod = state.job, state.pod
    if job is None or job.end is not None or job.being_deleted or pod is None or pod.outcome_since is None:
        return None
    return pod.outcome_since + LINGERING


def _until_it_lingers(state: State) -> timedelta | None:
    until = _lingers_from(state)
    return until - state.now if until is not None and until > state.now else None


def _look_again(state: State, decision: Reported, *, is_told: bool) -> timedelta | None:
    until = _until_it_lingers(state)
    if until is None and not is_told and _lingers_from(state) is not None:
        # Once the status tells its outcome, the Job goes.
        until = PATIENCE
    waits = (_wait(decision, state.now, state.settings), until)
    return min((one for one in waits if one is not None), default=None)


def _wait(decision: Reported, now: datetime, settings: Settings) -> timedelta | None:
    if isinstance(decision, Success | Pause):
        return None
    safety = timedelta(seconds=settings.recheck_seconds)
    if isinstance(decision, Failure) or decision.look_again is None:
        return safety
    return min(max(decision.look_again - now, timedelta(0)), safety)


def _losses(state: State, new: ConversionStatus) -> tuple[EmitEvent, ...]:
    """Return an Event for each pod that was taken from the Job: it is gone soon, and its Job's deadline goes on."""
    if state.job is None or new.job is None or new.job.uid != state.job.uid:
        return ()
    before = state.disruptions.count - len(state.lost_pods)
    return tuple(
        EmitEvent(True, Reason.POD_DISRUPTED, lost(pod, state.job, before + number))
        for number, pod in enumerate(state.lost_pods, start=1)
    )


def _events(old: ConversionStatus, new: ConversionStatus, decision: Reported) -> tuple[EmitEvent, ...]:
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
    if job.forced and not (old.job is not None and old.job.forced and not old.job.superseded):
        return EmitEvent(False, Reason.PENDING, f"One more run was asked for. {message}")
    if job.attempt > 1 and old.job is not None and old.next_attempt_time is None:
        return EmitEvent(True, Reason.JOB_DELETED, f"The Job of attempt {old.job.attempt} is gone. {message}")
    return EmitEvent(False, Reason.PENDING, message)


def _reason(decision: Reported) -> Reason:
    return decision.result.reason if isinstance(decision, Success) else decision.reason


def _ready(status: ConversionStatus) -> tuple[str, str, str]:
    found = next((one for one in status.conditions or () if one.type == "Ready"), None)
    return (found.status, found.reason, found.message) if found is not None else ("", "", "")


def _key(status: ConversionStatus) -> tuple[int, str, str]:
    return (status.observed_generation, *_ready(status)[:2])


def _message(status: ConversionStatus) -> str:
    return _ready(status)[2]
