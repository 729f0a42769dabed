"""Two files of one model side by side in LiteRT: what each layer of the one computes beside the same of the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_converter.artifact import inventory
from tflite_converter.core.tensors import Array, Sample
from tflite_converter.report.layer_errors import LayerPowers
from tflite_converter.verify.litert import dequantized, quantized

_REAL: Final = "fiu"


class _Probe:
    """A file whose every tensor can be looked at after a run."""

    def __init__(self, file: Path, key: str) -> None:
        from ai_edge_litert import interpreter as litert  # noqa: PLC0415 - takes long

        self._graph = inventory.signature_graph(file.read_bytes(), key)
        self._interpreter = litert.Interpreter(
            model_path=str(file),
            experimental_preserve_all_tensors=True,
            # A delegate keeps to itself what it computes on the way.
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._runner = self._interpreter.get_signature_runner(key)
        self.layers = {layer.name: layer for layer in self._graph.layers if layer.name}

    def run(self, sample: Sample) -> None:
        inputs = self._runner.get_input_details()
        self._interpreter.reset_all_variables()
        self._runner(**{name: quantized(value, inputs[name]) for name, value in sample.items()})

    def details(self, name: str) -> Any:  # noqa: ANN401 - LiteRT has no types
        return self._interpreter._get_tensor_details(self.layers[name].index, self._graph.index)  # noqa: SLF001

    def value(self, name: str) -> Array | None:
        """Return what the last run computed, in real numbers; None where it is not there."""
        try:
            raw = self._interpreter.get_tensor(self.layers[name].index, self._graph.index)
        except ValueError:
            return None
        found = dequantized(np.asarray(raw), self.details(name))
        return found if found.dtype.kind in _REAL and found.size else None


def compare(floats: Path, artifact: Path, key: str, samples: Sequence[Sample]) -> list[LayerPowers]:
    """Compare the layers that both files have by the same name and shape, in the order of the artifact.

    Raises:
        RuntimeError, ValueError: LiteRT cannot run one of them.
    """
    reference, probe = _Probe(floats, key), _Probe(artifact, key)
    compared: dict[str, LayerPowers] = {}
    for sample in samples:
        reference.run(sample)
        probe.run(sample)
        for name, layer in probe.layers.items():
            if name not in reference.layers:
                continue
            expected, found = reference.value(name), probe.value(name)
            if expected is None or found is None or expected.shape != found.shape:
                continue
            if not np.all(np.isfinite(expected)) or not np.all(np.isfinite(found)):
                continue
            if name not in compared:
                compared[name] = LayerPowers(name, layer.operator)
            compared[name].add(expected, found)
    return list(compared.values())
