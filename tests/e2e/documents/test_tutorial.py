"""The tutorial's commands, run as they are written; never beside a test that needs the operator to stay."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.documents import documented_commands
from tests.e2e.documents.documented_commands import ROOT, TUTORIAL
from tests.e2e.fixtures.environment import Environment

pytestmark = pytest.mark.xdist_group("operator")


@pytest.fixture
def nothing_left(env: Environment) -> Iterator[None]:
    if env.context is not None:
        pytest.skip("the tutorial brings its own cluster up, and speaks to kubectl's current context")
    yield
    subprocess.run([*env.kubectl, "delete", "namespace", "tutorial", "--ignore-not-found"], check=True)
    shutil.rmtree(env.hub_dir / "tutorial", ignore_errors=True)
    storage = env.storage()
    if "tutorial" not in [bucket["Name"] for bucket in storage.list_buckets()["Buckets"]]:
        return
    for found in storage.list_objects_v2(Bucket="tutorial").get("Contents", []):
        storage.delete_object(Bucket="tutorial", Key=found["Key"])
    storage.delete_bucket(Bucket="tutorial")


@pytest.mark.timeout(900)
def test_the_tutorial_does_what_it_says(env: Environment, crd: None, nothing_left: None) -> None:
    script = documented_commands.script(documented_commands.run_commands(TUTORIAL))
    run = subprocess.run(["bash", "-c", script], check=False, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "kinds-int8   True" in run.stdout
    assert "There is no input picture" in run.stdout
