"""Models load without Keras 3 and the client of TensorFlow's profiler, those that Keras trained too."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.converter import exported_models

pytestmark = pytest.mark.tensorflow

LOAD = """
import sys
from pathlib import Path
from tflite_converter.model.running import runtime
runtime.load_tensorflow()
from tflite_converter.model import saved_model
from tflite_converter.model.running import loader
folder = Path(sys.argv[1])
model = loader.load(folder, saved_model.read(folder)[0])
print(type(model).__name__, "keras" in sys.modules, "_pywrap_profiler_plugin" in Path("/proc/self/maps").read_text())
"""


def loaded(folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", LOAD, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("save", [exported_models.trained_by_keras_2, exported_models.convolutional])
def test_a_model_of_keras_loads_without_keras_3_and_the_profiler(save: Callable[[Path], None], tmp_path: Path) -> None:
    save(tmp_path / "model")
    assert loaded(tmp_path / "model") == "ObjectModel False False"
