"""The image's environment, which lacks what operator/unneeded.toml names, has all that the operator imports."""

import subprocess
from pathlib import Path

from tests.unit import image_environment

ROOT = image_environment.ROOT


def test_it_lacks_nothing_that_is_imported_anywhere(tmp_path: Path) -> None:
    python = image_environment.slim("operator", tmp_path / "image")
    done = subprocess.run(
        [python, "-m", "tests.unit.every_import", str(ROOT / "operator" / "tflite_operator")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert (done.returncode, done.stderr) == (0, "")
