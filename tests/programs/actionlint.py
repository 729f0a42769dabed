"""Asks actionlint, which knows GitHub's workflows."""

import subprocess
from pathlib import Path

from dev.building import binaries
from dev.host.checkout import Checkout


def complaints(workflow: Path) -> str:
    """Return what is wrong with a workflow, or an empty string."""
    program = str(binaries.make_tool(Checkout.here(), "actionlint"))
    # Without shellcheck and pyflakes, which are there on some machines only.
    argv = [program, "-no-color", "-shellcheck=", "-pyflakes=", str(workflow)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout
