"""The session's witness would see a secret: it finds ordinary words in every place where it looks."""

import base64
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from kubernetes import client

from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.witness import Witness, patterns

ROOT = Path(__file__).parents[3]


def test_words_are_found_in_status_job_pod_event_and_logs(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    witness = Witness(api, [re.compile(re.escape(bench.namespace)), re.compile("Looking for a finished artifact")])
    witness.start()
    bench.run(bench.conversion("watched", tiny_model))
    ours = f"{bench.namespace}/watched"
    wanted = [f"conversions {ours}", f"jobs {ours}", f"pods {ours}", f"events {ours}", f"log of {ours}"]
    wanted.append("log of tflite-operator-system/")
    bench.until(
        lambda: all(any(place.startswith(one) for place in witness.found) for one in wanted),
        f"words are found in all of {wanted}",
    )
    witness.stop()


LEAK = """
import os
import pytest
from kubernetes import client
pytestmark = pytest.mark.cluster
def test_leaks(api):
    client.CoreV1Api(api).create_namespaced_config_map(
        os.environ["LEAK_NAMESPACE"], {"metadata": {"name": "leak"}, "data": {"a": "x" + os.environ["LEAK"] + "x"}}
    )
"""


@pytest.mark.parametrize(("processes", "leak"), [(0, False), (0, True), (2, True)])
def test_a_leak_fails_a_run_whose_tests_all_pass(namespace: str, tmp_path: Path, processes: int, leak: bool) -> None:
    (tmp_path / "test_leak.py").write_text(LEAK)
    # Not this run's own secret: the witness of this run would see that as well.
    # Nor that of the other cases, which may run at the same time.
    secret = f"another-run-{secrets.token_hex(8)}"
    given = {"AWS_SECRET_ACCESS_KEY": secret, "LEAK": secret if leak else "harmless"}
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "-n", str(processes)]
    command += ["-p", "tests.conftest", "-p", "tests.e2e.conftest", str(tmp_path)]
    environment = {**os.environ, **given, "LEAK_NAMESPACE": namespace}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == (1 if leak else 0), done.stdout
    assert (f"configmaps {namespace}/leak" in done.stdout) == leak
    assert "another-run" not in done.stdout


def test_values_are_looked_for_as_they_are_and_in_base64() -> None:
    secret = "s3cr3t/value+1"
    canary = "canary-0123456789abcdef"
    drawn = [canary, canary.upper(), base64.b64encode(canary.encode()).decode()]
    for text in (f"x{secret}x", "czNjcjN0L3ZhbHVlKzE=", *drawn):
        assert any(word.search(text) for word in patterns([secret])), text
    assert not any(word.search("s3cr3t/valueX1 canary-bird") for word in patterns([secret, ""]))
