"""TensorFlow in this process: importing it without what nobody needs, and its memory."""

import ctypes
import errno
import gc
import os
from typing import Final

from tflite_api.reasons import Reason
from tflite_converter.core import stand_ins
from tflite_converter.core.failure import exhausted_resource

_SPARED: Final = ("keras", "h5py", "scipy")
_UNUSED: Final = ("tensorflow.python.profiler.internal._pywrap_profiler_plugin", "requests")
_COLLECTED_AFTER: Final = (50_000, 20, 20)
"""New objects until the youngest are looked at, and looks until the older ones are; Python's own are 700, 10, 10."""


def load_tensorflow() -> None:
    """Import TensorFlow without what it can do without: a sixth of the time and 57 MiB (own measurement on 2.21).

    It imports Keras 3 to register its optimizers (the end of tensorflow/__init__.py), and h5py and scipy for its own
    old copy of Keras (tensorflow/python/keras), and goes on where they are absent: the image has none of them. Models
    that saved an optimizer need tf_keras, which is imported for them alone, and goes on without the three as well.

    The library of its profiler's client (15 MiB; tensorflow/python/profiler/profiler_client.py), and requests (5 MiB),
    which asks Google's machines whether they are about to be taken away
    (tensorflow/python/distribute/failure_handling), it imports whatever happens and uses only where one of them is
    called. Nobody does here: empty modules stand in for them meanwhile.

    Python's collector of cycles took an eighth of a conversion's CPU time: it looked at all that TensorFlow is made of
    again and again. That stays for good, and what is young is looked at more rarely.

    TensorFlow optimizes a graph before it runs the first time, which took longer than the few runs that a conversion
    needs, and those are as fast without (own measurement: 0.24 to 1.0 s of CPU for the models of `make bench`).
    """
    gc.disable()
    try:
        with stand_ins.in_place_of(*_UNUSED, absent=_SPARED):
            import tensorflow as tf  # noqa: PLC0415 - takes seconds
    finally:
        gc.freeze()
        gc.set_threshold(*_COLLECTED_AFTER)
        gc.enable()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def exhausted(error: Exception) -> Reason | None:
    """Return the reason where an exception of TensorFlow's or Python's own says that memory or disk are used up."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if isinstance(error, tf.errors.ResourceExhaustedError):
        # TensorFlow has one error for both (xla/tsl/platform/errors.cc).
        return Reason.OUT_OF_DISK if os.strerror(errno.ENOSPC) in str(error) else Reason.OUT_OF_MEMORY
    return exhausted_resource(error)


def out_of_memory() -> tuple[type[Exception], ...]:
    """Return the exceptions by which Python and TensorFlow say that memory, or a disk, is used up."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return (MemoryError, tf.errors.ResourceExhaustedError)


def give_memory_back() -> None:
    """Return freed memory to the system: glibc keeps it, and the peak would be the sum of all phases."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
