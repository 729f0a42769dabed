"""The fixture of a chaos run: what ends every case at once."""

from pathlib import Path

import pytest
from kubernetes import client

from tests.chaos.fixture import Fixture
from tests.e2e.fixtures.environment import Environment


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fixture:
    """A fixture that sees what the test shows it; there is no cluster."""
    monkeypatch.setattr(Fixture, "_watch", lambda _: None)
    env = Environment("", None, "", "", "", "", tmp_path, "", "")
    return Fixture(env, client.ApiClient(client.Configuration()), "chaos", "bucket")


def seen(name: str, reason: str, message: str = "") -> dict[str, object]:
    ready = {"type": "Ready", "status": "Unknown", "reason": reason, "message": message}
    return {"metadata": {"name": name, "generation": 1}, "status": {"observedGeneration": 1, "conditions": [ready]}}


def test_a_case_goes_on_where_a_job_is_refused_for_another_cause(ground: Fixture) -> None:
    ground._take("MODIFIED", seen("one", "JobRefused", "a webhook did not answer"))
    ground._take("MODIFIED", seen("another", "Converting"))
    assert ground.under_way("another", ("Converting",))["metadata"]["name"] == "another"


def test_a_job_too_many_ends_the_case_of_every_conversion(ground: Fixture) -> None:
    ground._take("MODIFIED", seen("one", "JobRefused", "exceeded quota: most-jobs"))
    with pytest.raises(AssertionError, match="the operator makes Jobs without end: exceeded quota"):
        ground.finish("another")
