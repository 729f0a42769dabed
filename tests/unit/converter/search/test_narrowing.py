"""Which layers are said to take few bits badly, of a model that is but a table of errors."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import KeepFloat
from tflite_api.resource.quantization_types import QuantizationType
from tflite_converter.artifact import inventory
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Outputs
from tflite_converter.quantize import weight_only
from tflite_converter.search import narrowing
from tflite_converter.search.ranking import LayersOrder
from tflite_converter.search.repair import Layer
from tflite_converter.verify import litert, reference

SIZES = {"large": 8000, "small": 800, "exact": 4000, "refused": 2000, "rows": 80, "from nothing": 72, "tiny": 8}
ERRORS = {"large": 0.01, "small": 0.01, "exact": 0.0}


@pytest.mark.parametrize("per_tensor", [False, True])
def test_the_layers_are_those_that_bring_an_error_with_what_is_won_for_each_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_tensor: bool
) -> None:
    floats = tmp_path / "floats.tflite"
    floats.write_bytes(b"")
    scales = []

    def of_one_layer(_: Path, kind: QuantizationType, name: str, *, per_tensor: bool) -> bytes:
        assert kind is QuantizationType.WEIGHT_ONLY_INT4
        scales.append(per_tensor)
        if name == "refused":
            raise StepFailure(Reason.OPERATION_NOT_QUANTIZABLE, "it has no form in few bits", "leave it")
        return name.encode()

    def run(path: Path, _: str, samples: Sequence[Any]) -> Iterator[Outputs]:
        name = path.read_text()
        error, rows = ERRORS.get(name, 0.0), 2 if name == "rows" else 1
        empty = np.array([float(name == "from nothing")], np.float32)
        return iter([{"y": np.array([1 + error] * rows, np.float32), "empty": empty} for _ in samples])

    monkeypatch.setattr(weight_only, "of_one_layer", of_one_layer)
    monkeypatch.setattr(inventory, "float_bytes", lambda _: SIZES)
    monkeypatch.setattr(reference, "load", lambda _: SimpleNamespace(samples=[{}, {}]))
    monkeypatch.setattr(litert, "signatures", lambda _: ["a"])
    monkeypatch.setattr(litert, "run", run)
    order = LayersOrder(
        kind=QuantizationType.WEIGHT_ONLY_INT4,
        floats=str(floats),
        reference_dir=str(tmp_path),
        kept=KeepFloat(),
        per_tensor=per_tensor,
        folder=str(tmp_path),
    )
    found = {layer.name: layer for layer in narrowing.layers(order)}
    costs = {"large": 1000, "small": 100, "rows": 10, "from nothing": 9}
    assert {name: layer.cost for name, layer in found.items()} == costs
    assert found["rows"].badness > found["small"].badness
    assert all(Layer.model_validate_json(layer.model_dump_json()) == layer for layer in found.values())
    assert found["small"].badness == pytest.approx(10 * found["large"].badness)
    assert scales == [per_tensor] * 6
