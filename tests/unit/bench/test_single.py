"""Where the seconds of a conversion go is told from what a watch saw."""

import json
from typing import Any

import pytest

from bench.single import cluster, stages
from bench.single.stages import Seen


def pod(**states: dict[str, Any]) -> dict[str, Any]:
    statuses = [{"name": name, "state": state} for name, state in states.items()]
    return {"status": {"initContainerStatuses": statuses[:2], "containerStatuses": statuses[2:]}}


def ended(seconds: float) -> dict[str, Any]:
    return {"terminated": {"message": json.dumps({"durationSeconds": seconds})}}


RUNNING: dict[str, Any] = {"running": {}}
WAITING: dict[str, Any] = {"waiting": {}}
SEEN = [
    Seen(0.5, pod()),
    Seen(1.5, pod(prepare=RUNNING, convert=WAITING, publish=WAITING)),
    Seen(2.5, pod(prepare=ended(0.8), convert=WAITING, publish=WAITING)),
    Seen(3.0, pod(prepare=ended(0.8), convert=RUNNING, publish=WAITING)),
    Seen(9.0, pod(prepare=ended(0.8), convert=ended(5.5), publish=WAITING)),
    # Publish is never seen running: it was too short.
    Seen(10.5, pod(prepare=ended(0.8), convert=ended(5.5), publish=ended(0.4))),
]


def test_the_stages_add_up_to_the_whole() -> None:
    found = stages.stages(SEEN, 11.0)
    assert found == pytest.approx(
        {
            "until the pod is there": 0.5,
            "until there runs prepare": 1.0,
            "in prepare": 1.0,
            "until there runs convert": 0.5,
            "in convert": 6.0,
            "until there runs publish": 1.5,
            "in publish": 0.0,
            "until Ready": 0.5,
        }
    )
    assert sum(found.values()) == pytest.approx(11.0)


def test_a_step_says_itself_how_long_it_took() -> None:
    assert stages.told(SEEN) == {"prepare": 0.8, "convert": 5.5, "publish": 0.4}


def test_the_containers_of_a_bare_job_do_nothing_in_the_same_pod() -> None:
    limits = {"limits": {"memory": "1Gi"}}
    container = {"name": "prepare", "image": "i", "args": ["prepare"], "env": [{"name": "A"}], "resources": limits}
    job = {
        "metadata": {"ownerReferences": [{}]},
        "spec": {"template": {"spec": {"initContainers": [container], "containers": [container], "volumes": []}}},
    }
    idle = {"name": "prepare", "image": "i", "command": ["true"], "resources": limits}
    assert cluster.bare_job("bare-1", job) == {
        "metadata": {"name": "bare-1"},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"initContainers": [idle], "containers": [idle], "volumes": []}},
        },
    }
    assert container["args"] == ["prepare"]
