"""The suites that need a cluster can be set up, those as well that are run seldom."""

import subprocess
import sys

import pytest

from tests.manifests import ROOT


@pytest.mark.parametrize("suite", ["e2e", "apiserver", "chaos", "gitops"])
def test_every_fixture_that_a_test_asks_for_is_found(suite: str) -> None:
    command = [sys.executable, "-m", "pytest", "--setup-plan", "-q", f"tests/{suite}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
