"""What holds for all unit tests: no time limit for generated examples, and no looking through TensorFlow for cycles."""

import gc
import sys
from typing import Final

from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code (time is held in bench/).
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_LARGE: Final = ("tensorflow", "keras", "tf_keras")
_LEFT_ALONE = set[str]()


def pytest_runtest_call() -> None:
    """Keep Python's collector from what a large library is made of, once it is there.

    The converter looks for cycles in each conversion, in a process where it has done the same
    (tflite_converter/model/running/runtime.py). Here that took a quarter of the time of all conversions.
    """
    imported = {name for name in _LARGE if name in sys.modules}
    if imported - _LEFT_ALONE:
        _LEFT_ALONE.update(imported)
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
