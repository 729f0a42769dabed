"""TensorFlow is imported for a process that converts one model and ends."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.tensorflow
CODE = """
import gc
from tflite_converter.model.running import runtime
runtime.load_tensorflow()
print(gc.isenabled(), gc.get_freeze_count() > 100_000, gc.get_threshold()[0] > 10_000)
class Part: pass
part = Part()
part.itself = part
del part
print(sum(isinstance(each, Part) for each in gc.get_objects()))
runtime.give_memory_back()
print(sum(isinstance(each, Part) for each in gc.get_objects()))
"""


def test_what_tensorflow_is_made_of_is_never_looked_through_for_garbage_and_the_rest_still_is() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["True True True", "1", "0"]


def test_graphs_run_as_they_are_written() -> None:
    code = """
from tflite_converter.model.running import runtime
runtime.load_tensorflow()
import tensorflow as tf
print(tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["True"]
