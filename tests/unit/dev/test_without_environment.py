"""What runs before there is a Python environment, or after it is gone, needs the standard library alone."""

import subprocess
import sys

import pytest

from dev.host.checkout import Checkout


@pytest.mark.parametrize("module", ["dev.__main__", "dev.host.prerequisites", "dev.building.venv"])
def test_a_bare_python_imports_it(module: str) -> None:
    bare = [sys.executable, "-E", "-S", "-c", f"import {module}"]
    done = subprocess.run(bare, cwd=Checkout.here().root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
