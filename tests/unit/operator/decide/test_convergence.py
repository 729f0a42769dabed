"""Whatever happens, in whatever order, the plan comes to rest at the right end."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.operator.builders import RUNNING, Object, conversion, ended, report, success, waiting
from tests.unit.operator.world import World
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp


def succeed(world: World) -> None:
    world.run_pod(ended(0), ended(0), ended(0, success(world.owner)), phase="Succeeded")


def test_an_ordinary_conversion_takes_five_writes_and_one_job() -> None:
    world = World(conversion())
    for states in ([], [RUNNING], [ended(0), RUNNING], [ended(0), ended(0), RUNNING]):
        world.run_pod(*states)
        world.look()
        world.look()
    succeed(world)
    world.look()
    world.finish_job(succeeded=True)
    world.look()
    assert (world.made, world.writes, world.events) == (1, 5, ["Pending", "Converted"])
    assert world.condition("Ready") == "True"


def test_an_outage_ends_in_success_when_it_ends() -> None:
    world = World(conversion())
    for _ in range(20):
        world.look()
        world.run_pod(ended(4, report(Reason.STORAGE_UNAVAILABLE)), phase="Failed")
        world.finish_job(succeeded=False)
        again = world.look()
        assert again is not None
        while world.job is None:
            world.now += world.look() or timedelta(0)
            world.look()
    succeed(world)
    world.look()
    assert world.condition("Ready") == "True"
    assert world.made == 21


EVENTS = st.sampled_from(
    [
        "look",
        "prepare",
        "convert",
        "secret",
        "outage",
        "crash",
        "disrupted",
        "lost report",
        "delete job",
        "delete pod",
        "expire",
        "change",
        "wait",
        "break status",
        "suspend",
        "resume",
        "request",
        "queue",
        "admit",
        "meshed outage",
        "meshed crash",
        "node lost",
        "evict",
    ]
)


def happen(world: World, event: str) -> None:  # noqa: C901, PLR0912, PLR0915 - a list of what can happen
    match event:
        case "look":
            world.look()
        case "prepare":
            world.run_pod(RUNNING)
        case "convert":
            world.run_pod(ended(0), RUNNING)
        case "secret":
            world.run_pod(waiting("CreateContainerConfigError", 'secret "s3" not found'))
        case "outage":
            world.run_pod(ended(4, report(Reason.MODEL_UNAVAILABLE)), phase="Failed")
            world.finish_job(succeeded=False)
        case "crash":
            world.run_pod(ended(0), ended(139), phase="Failed")
            world.finish_job(succeeded=False)
        case "disrupted":
            world.run_pod(ended(137), phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
            world.finish_job(succeeded=False)
        case "meshed outage":
            world.run_pod(ended(4, report(Reason.MODEL_UNAVAILABLE)), phase="Running")
        case "meshed crash":
            world.run_pod(ended(0), ended(139), phase="Running")
        case "node lost":
            world.run_pod(ended(0), RUNNING, phase="Running")
            change_pod(world, lambda one: one["metadata"].update(deletionTimestamp=timestamp(world.now)))
        case "evict":
            world.run_pod(ended(0), ended(143), phase="Failed")
            change_pod(world, lambda one: one["status"]["conditions"].append(taken(world)))
        case "lost report":
            world.finish_job(succeeded=True)
        case "delete job":
            world.jobs = world.jobs[:-1]
            world.end_pods()
        case "delete pod":
            world.pods = world.pods[:-1]
        case "expire":
            world.jobs = [one for one in world.jobs if "ttlSecondsAfterFinished" not in one["spec"]]
        case "change":
            world.owner["metadata"]["generation"] += 1
        case "wait":
            world.now += timedelta(seconds=400)
        case "suspend" | "resume":
            if world.owner["spec"].get("suspend", False) is not (event == "suspend"):
                world.owner["metadata"]["generation"] += 1
                world.owner["spec"]["suspend"] = event == "suspend"
        case "request":
            annotations = world.owner["metadata"].setdefault("annotations", {})
            annotations["tflite-operator.dev/requestedAt"] = f"after {annotations}"[-40:]
        case "queue" | "admit":
            if world.job is not None:
                world.job["spec"]["suspend"] = event == "queue"
        case "break status":
            world.owner = world.owner | {"status": {"conditions": "broken"}}


def change_pod(world: World, change: Callable[[Object], object]) -> None:
    """Change the latest pod, if there is one."""
    for one in world.pods[-1:]:
        change(one)


def taken(world: World) -> Object:
    return {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": timestamp(world.now)}


def settle(world: World) -> None:
    """Let time pass with healthy servers until nothing is left to do."""
    happen(world, "resume")
    for _ in range(60):
        happen(world, "admit")
        world.end_pods()
        again = world.look()
        if world.condition("Ready") in {"True", "False"} and world.job is None:
            return
        if world.job is not None:
            succeed(world)
            world.look()
            world.finish_job(succeeded=True)
        world.now += again or timedelta(0)
    raise AssertionError(f"no end in sight: {world.owner['status']}")


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=14))
# An outage whose Job expired once counted like a Job that somebody deleted.
@example(["look", "delete job", "outage", "expire", "wait", "delete job"])
# A Job that goes on for nothing once was to be removed some time after its end, and at once.
@example(["look", "crash", "wait", "delete job", "meshed crash", "look"])
def test_every_story_comes_to_rest(story: list[str]) -> None:
    world = World(conversion())
    for event in story:
        happen(world, event)
        if event != "break status":
            world.look()
    settle(world)
    status: Object = world.owner["status"]
    assert status["observedGeneration"] == world.owner["metadata"]["generation"]
    # Only what crashed or was deleted three times may have failed: the servers are well in the end.
    if world.condition("Ready") == "False":
        assert (
            sum(event in {"crash", "meshed crash", "lost report", "delete job", "delete pod"} for event in story) >= 3
        )
    assert (world.condition("Reconciling"), world.condition("Stalled")) != ("True", "True")
    before = (world.writes, world.made, len(world.events))
    for _ in range(3):
        world.now += timedelta(hours=1)
        world.look()
    world.jobs = []
    world.pods = []
    world.look()
    assert (world.writes, world.made, len(world.events)) == before
