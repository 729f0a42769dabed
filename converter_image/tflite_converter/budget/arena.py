"""How much memory an artifact's tensors take as LiteRT runs it.

LiteRT plans one block of memory for all tensors of a graph, in which those that are never needed together share their
place. Its Python interface tells no size of it, but where each tensor lies: the bytes that any of them covers are the
block, as each begins where another one ends.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_converter.artifact import flatbuffer
from tflite_converter.core.tensors import Sample
from tflite_converter.verify import litert
from tflite_converter.verify.kernels import CannotRun

_ALIGNMENT: Final = 64
"""Each tensor begins at a multiple of it (kDefaultTensorAlignment, tflite/util.h)."""

_NUMBERS: Final = "biufc"
"""What numpy calls the kinds of types that have all their values in place."""

Span = tuple[int, int]
"""Addresses: of the first byte, and behind the last."""


def arena_bytes(artifact: Path, samples: Mapping[str, Sample]) -> int:
    """Return how many bytes the tensors take that are no constants, once each signature has run.

    Without delegates: XNNPACK keeps what it computes with in memory of its own, of which nothing is told.

    Args:
        artifact: the file.
        samples: by signature an input for it, whose shapes count.

    Raises:
        CannotRun: LiteRT cannot run it.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415 - takes long

    shapes = "none yet"
    without = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = Interpreter(model_path=str(artifact), num_threads=1, experimental_op_resolver_type=without)
        for key, sample in samples.items():
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in sample.items())
            runner = interpreter.get_signature_runner(key)
            details = runner.get_input_details()
            # What depends on the values of an input has its place only after a run.
            runner(**{name: litert.quantized(value, details[name]) for name, value in sample.items()})
    except (RuntimeError, ValueError) as error:
        raise CannotRun(str(error), shapes) from error
    return covered(_spans(interpreter._interpreter, flatbuffer.constant_tensors(artifact)))  # noqa: SLF001 - see above


def covered(spans: Iterable[Span]) -> int:
    """Return how many bytes any of the spans covers, each made as long as the alignment has it."""
    total = end = 0
    for first, last in sorted(spans):
        behind = first + -(-(last - first) // _ALIGNMENT) * _ALIGNMENT
        total += max(behind - max(first, end), 0)
        end = max(end, behind)
    return total


def _spans(wrapper: Any, constants: list[frozenset[int]]) -> Iterator[Span]:  # noqa: ANN401 - untyped
    for graph, theirs in enumerate(constants):
        for index in range(wrapper.NumTensors(graph)):
            if index in theirs:
                continue
            try:
                # The process would end if one asked for the memory of a tensor without a shape, or of no numbers.
                wrapper.TensorSize(index, graph)
                if np.dtype(wrapper.TensorType(index, graph)).kind not in _NUMBERS:
                    continue
                array = wrapper.tensor(wrapper, index, graph)
            except ValueError:
                continue
            # Where a tensor has no memory, numpy takes some of its own.
            if not array.flags.owndata and array.nbytes:
                first = array.__array_interface__["data"][0]
                yield first, first + array.nbytes
