"""Two files of one model side by side in LiteRT: what each layer of the one computes beside the same of the other.

LiteRT can keep every tensor of a run, but then each convolution keeps the memory in which it lays out its input as
well: 1.8 GiB for a model whose layers take 26 MB. So the layers to look at are made outputs, which it keeps alone.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_converter.artifact import inventory, more_outputs
from tflite_converter.core.tensors import Array, Sample
from tflite_converter.report.layer_errors import LayerPowers
from tflite_converter.verify.litert import dequantized, quantized

_REAL: Final = "fiu"
_NUMBERS: Final = ("float", "int", "uint")
"""How the schema's types of real and whole numbers begin."""
_KEPT_BYTES: Final = 2**27
"""How much of a file's layers is kept at a time; those of larger ones take several runs on each sample."""


class _Probe:
    """A file some of whose layers can be looked at after a run."""

    def __init__(self, file: Path, key: str, kept: Iterable[str] = ()) -> None:
        content = file.read_bytes()
        self._key = key
        self._graph = inventory.signature_graph(content, key)
        self.layers = {layer.name: layer for layer in self._graph.layers if layer.name}
        indices = [self.layers[name].index for name in kept]
        self._content = more_outputs.with_outputs(content, self._graph.index, indices)

    def has_numbers(self, name: str) -> bool:
        return self.layers[name].dtype.startswith(_NUMBERS)

    def sizes(self, sample: Sample, names: Iterable[str]) -> dict[str, int]:
        """Return how many bytes layers take in a run."""
        run = self._run(sample)
        return {name: _bytes(self._details(run, name)) for name in names}

    def values(self, sample: Sample, names: Iterable[str]) -> Iterator[tuple[str, Array | None]]:
        """Yield what layers are after a run, in real numbers; None for one that is not there.

        What the run takes is given back after the last.
        """
        run = self._run(sample)
        for name in names:
            yield name, self._value(run, name)

    def _run(self, sample: Sample) -> Any:  # noqa: ANN401 - LiteRT has no types
        """Run the file from its start; return the interpreter."""
        from ai_edge_litert import interpreter as litert  # noqa: PLC0415 - takes long

        interpreter = litert.Interpreter(
            model_content=self._content,
            # A delegate computes in another way.
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner(self._key)
        inputs = runner.get_input_details()
        interpreter.reset_all_variables()
        runner(**{name: quantized(value, inputs[name]) for name, value in sample.items()})
        return interpreter

    def _details(self, run: Any, name: str) -> Any:  # noqa: ANN401 - LiteRT has no types
        return run._get_tensor_details(self.layers[name].index, self._graph.index)  # noqa: SLF001

    def _value(self, run: Any, name: str) -> Array | None:  # noqa: ANN401 - LiteRT has no types
        try:
            raw = run.get_tensor(self.layers[name].index, self._graph.index)
        except ValueError:
            return None
        found = dequantized(np.asarray(raw), self._details(run, name))
        return found if found.dtype.kind in _REAL and found.size else None


def _bytes(details: Any) -> int:  # noqa: ANN401 - LiteRT has no types
    return math.prod(map(int, details["shape"])) * int(np.dtype(details["dtype"]).itemsize)


def compare(floats: Path, artifact: Path, key: str, samples: Sequence[Sample]) -> list[LayerPowers]:
    """Compare the layers that both files have by the same name and shape, in the order of the artifact.

    Raises:
        RuntimeError, ValueError: LiteRT cannot run one of them.
    """
    if not samples:
        return []
    largest = max(samples, key=lambda sample: sum(value.nbytes for value in sample.values()))
    compared: dict[str, LayerPowers] = {}
    for names in parts(_sizes(floats, artifact, key, largest), _KEPT_BYTES):
        reference, probe = _Probe(floats, key, names), _Probe(artifact, key, names)
        for sample in samples:
            # One after the other: what a run takes beside the layers is more than they are.
            wanted = dict(reference.values(sample, names))
            for name, found in probe.values(sample, names):
                expected = wanted.pop(name)
                if expected is None or found is None or not _are_alike(expected, found):
                    continue
                if name not in compared:
                    compared[name] = LayerPowers(name, probe.layers[name].operator)
                compared[name].add(expected, found)
    return list(compared.values())


def _are_alike(expected: Array, found: Array) -> bool:
    is_finite = bool(np.all(np.isfinite(expected)) and np.all(np.isfinite(found)))
    return expected.shape == found.shape and is_finite


def _sizes(floats: Path, artifact: Path, key: str, sample: Sample) -> dict[str, int]:
    """Return what each layer that both files have takes on a sample as floats."""
    reference, probe = _Probe(floats, key), _Probe(artifact, key)
    both = [name for name in probe.layers if name in reference.layers]
    names = [name for name in both if reference.has_numbers(name) and probe.has_numbers(name)]
    return reference.sizes(sample, names)


def parts(sizes: Mapping[str, int], most: int) -> Iterator[list[str]]:
    """Yield the names in their order, in lists each of which has at most so much in all; more where one alone has."""
    names: list[str] = []
    taken = 0
    for name, size in sizes.items():
        if names and taken + size > most:
            yield names
            names, taken = [], 0
        names.append(name)
        taken += size
    if names:
        yield names
