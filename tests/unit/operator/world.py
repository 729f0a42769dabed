"""A cluster in memory that does what plans ask for, and what a Job controller and a kubelet would."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.unit.operator.builders import COMPLETE, NOW, SETTINGS, Object, failed, job, observed, pod
from tflite_operator.core.fields import timestamp
from tflite_operator.decide.decision import Action, CreateJob, DeleteJob, EmitEvent, SetJobTTL
from tflite_operator.decide.evidence import Evidence
from tflite_operator.decide.plan import plan


@dataclass
class World:
    """One conversion, its Jobs and pods, and the clock."""

    owner: Object
    jobs: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    now: datetime = NOW
    made: int = 0
    uids: set[str] = field(default_factory=set)
    """Of the Jobs that were made."""
    writes: int = 0
    events: list[str] = field(default_factory=list)

    def look(self) -> timedelta | None:
        """Reconcile once, as the operator does; give when to look again."""
        for _ in range(6):
            evidence = Evidence(made=frozenset(self.uids), doubts={})
            planned = plan(observed(self.owner, self.jobs, self.pods, evidence=evidence), self.now, SETTINGS)
            if not self._act(planned.actions):
                break
        else:
            raise AssertionError("the plan does not come to an end")
        if planned.status is not None:
            self.owner = self.owner | {"status": planned.status.to_object()}
            self.writes += 1
        for action in planned.follow_ups:
            match action:
                case SetJobTTL():
                    made = next(one for one in self.jobs if one["metadata"]["uid"] == action.uid)
                    made["spec"]["ttlSecondsAfterFinished"] = action.seconds
                case EmitEvent():
                    self.events.append(action.reason.value)
        return planned.look_again

    def _act(self, actions: tuple[Action, ...]) -> bool:
        created = False
        for action in actions:
            match action:
                case DeleteJob():
                    self.jobs = [one for one in self.jobs if one["metadata"]["uid"] != action.uid]
                case CreateJob():
                    self._create(action)
                    created = True
                case _:
                    raise AssertionError(f"not for a conversion that nobody deletes: {action}")
        return created

    def _create(self, action: CreateJob) -> None:
        made = job(
            self.owner,
            action.attempt.number,
            action.attempt.failures,
            request=action.attempt.request,
            forced=action.attempt.forced,
        )
        assert made["metadata"]["name"] not in {one["metadata"]["name"] for one in self.jobs}, "the Job exists"
        assert not [one for one in self.pods if one["status"]["phase"] not in {"Succeeded", "Failed"}], (
            "two pods at once"
        )
        self.made += 1
        self.uids.add(made["metadata"]["uid"])
        made["metadata"] |= {"creationTimestamp": timestamp(self.now)}
        self.jobs.append(made)

    @property
    def job(self) -> Object | None:
        """The latest unfinished Job."""
        running = [one for one in self.jobs if "conditions" not in one["status"]]
        return running[-1] if running else None

    def run_pod(self, *states: Object, **status: Any) -> None:
        """Have the kubelet report the states of the latest Job's containers."""
        if self.job is not None:
            mine = pod(self.job, *states, **status)
            uid = self.job["metadata"]["uid"]
            self.pods = [one for one in self.pods if one["metadata"]["ownerReferences"][0]["uid"] != uid] + [mine]

    def end_pods(self) -> None:
        """Have all pods end."""
        for one in self.pods:
            if one["status"]["phase"] not in {"Succeeded", "Failed"}:
                one["status"]["phase"] = "Failed"

    def finish_job(self, *, succeeded: bool, reason: str = "PodFailurePolicy") -> None:
        """Have the Job controller see the end of the latest Job."""
        if self.job is not None:
            end = COMPLETE if succeeded else failed(reason)
            self.job["status"] = {"conditions": [end | {"lastTransitionTime": timestamp(self.now)}]}

    def condition(self, kind: str) -> str:
        """The status of a condition."""
        found = self.owner["status"].get("conditions", [])
        return next((str(one["status"]) for one in found if one["type"] == kind), "")
