"""The environment is made by a Python that does not go with the one before."""

import subprocess
import sys
from pathlib import Path

import pytest

from dev.building.venv import outside


def test_in_a_shell_of_the_environment_it_is_made_anew_by_the_python_below_it() -> None:
    own = Path(sys.prefix)
    if sys.prefix == sys.base_prefix:
        pytest.skip("these tests run in no environment")
    found = outside(own)
    assert own not in Path(found).parents
    asked = [found, "-c", "import sys, venv; print(sys.version_info[:2], sys.prefix == sys.base_prefix)"]
    told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert told == f"{sys.version_info[:2]} True\n"


def test_any_other_python_makes_it_itself(tmp_path: Path) -> None:
    assert outside(tmp_path / "venv") == sys.executable
