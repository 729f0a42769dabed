"""TensorFlow's calibrator, taught to take samples of several sizes for several inputs."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from tflite_converter.core.tensors import Sample

Call = tuple[str, Sample]
"""A sample with the key of its signature."""


@cache
def take_all_sizes_at_once() -> None:
    """Have the calibrator give all inputs their new sizes before it runs, from now on.

    By itself it does so before its first sample alone (tensorflow/lite/python/optimize/calibrator.py). Later it changes
    one input after the other, and each time works out the shapes of a graph whose other inputs have the old sizes: the
    two sides of a CONCATENATION then do not fit.
    """
    from tensorflow.lite.python.optimize import calibrator  # noqa: PLC0415 - takes seconds

    feed = calibrator.Calibrator._feed_tensors  # noqa: SLF001 - no public way in between

    def feed_in_groups(self: Any, samples: Callable[[], Iterator[Call]], resize_input: bool) -> None:  # noqa: ANN401 - untyped
        for group in groups(samples()):
            feed(self, lambda group=group: iter(group), resize_input)

    calibrator.Calibrator._feed_tensors = feed_in_groups  # noqa: SLF001 - see above


def groups(calls: Iterator[Call]) -> Iterator[Iterator[Call]]:
    """Part samples in a row where more than one input changes its shape: all else the calibrator can do by itself."""
    return ((call for _, call in group) for _, group in groupby(_numbered(calls), key=lambda pair: pair[0]))


def _numbered(calls: Iterator[Call]) -> Iterator[tuple[int, Call]]:
    number, before = 0, dict[str, dict[str, tuple[int, ...]]]()
    for key, sample in calls:
        shapes = {name: tuple(value.shape) for name, value in sample.items()}
        known = before.get(key, shapes)
        number += sum(known[name] != shape for name, shape in shapes.items()) > 1
        before[key] = shapes
        yield number, (key, sample)


def quantized(calibrated: bytes, types: Sequence[Any], *, allow_float: bool, per_tensor: bool) -> bytes:
    """Quantize a float file by the ranges that it has.

    Args:
        calibrated: with the ranges of its activations.
        types: tf.DType of inputs, of outputs, of activations and of biases.
        allow_float: whether operators that have no integers stay in floats.
        per_tensor: whether weights have one scale, and not one a channel.
    """
    from tensorflow.lite.python.optimize import calibrator  # noqa: PLC0415 - takes seconds

    given_in, given_out, activations, biases = types
    content: bytes = calibrator.Calibrator(calibrated).calibrate_and_quantize(
        # Without samples it takes the ranges that are there.
        lambda: iter(()),
        given_in,
        given_out,
        allow_float,
        activations,
        biases,
        disable_per_channel=per_tensor,
        disable_per_channel_quantization_for_dense_layers=per_tensor,
    )
    return content
