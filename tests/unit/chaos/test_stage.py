"""The stage of a chaos run: what ends every story at once."""

from pathlib import Path

import pytest
from kubernetes import client

from tests.chaos.stage import Stage
from tests.e2e.environment import Environment


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage that sees what the test shows it; there is no cluster."""
    monkeypatch.setattr(Stage, "_watch", lambda _: None)
    env = Environment("", None, "", "", "", "", tmp_path, "", "")
    return Stage(env, client.ApiClient(client.Configuration()), "chaos", "bucket")


def seen(name: str, reason: str, message: str = "") -> dict[str, object]:
    ready = {"type": "Ready", "status": "Unknown", "reason": reason, "message": message}
    return {"metadata": {"name": name, "generation": 1}, "status": {"observedGeneration": 1, "conditions": [ready]}}


def test_a_story_goes_on_where_a_job_is_refused_for_another_cause(stage: Stage) -> None:
    stage._take("MODIFIED", seen("one", "JobRefused", "a webhook did not answer"))
    stage._take("MODIFIED", seen("another", "Converting"))
    assert stage.under_way("another", ("Converting",))["metadata"]["name"] == "another"


def test_a_job_too_many_ends_the_story_of_every_conversion(stage: Stage) -> None:
    stage._take("MODIFIED", seen("one", "JobRefused", "exceeded quota: most-jobs"))
    with pytest.raises(AssertionError, match="the operator makes Jobs without end: exceeded quota"):
        stage.finish("another")
