"""The tutorial's commands, run as they are written: they install the operator, under the conversions of other tests."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.environment import Environment

# One after the other with those that restart the operator.
pytestmark = pytest.mark.xdist_group("operator")

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorial.md"
SET_UP = ("make up", 'eval "$(make -s env)"')
"""What has happened already when a test runs."""


def commands(page: str) -> Iterator[str]:
    """Give the commands of a page's console blocks: what follows a prompt, and a here-document to its end."""
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        lines = iter(block.splitlines())
        for line in lines:
            if not line.startswith("$ "):
                continue
            command = [line.removeprefix("$ ")]
            if re.search(r"<<'?EOF'?", line):
                for more in lines:
                    command.append(more)
                    if more == "EOF":
                        break
            yield "\n".join(command)


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
    written = list(commands(TUTORIAL.read_text()))
    assert written[:2] == list(SET_UP)
    # Each command is said before it runs, as it is written: without what its variables hold.
    told = (f"echo {shlex.quote(f'$ {command}')}\n{command}" for command in written[2:])
    script = "\n".join(["set -euo pipefail", *told])
    run = subprocess.run(["bash", "-c", script], check=False, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "kinds-int8   True" in run.stdout
    assert "There is no input picture" in run.stdout
