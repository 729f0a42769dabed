"""An artifact begins where its model begins, whatever ran before it was saved, and is compared from there."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.convert.test_conversion import convert, verdict
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow

SYNTHETIC = {"calibration": {"synthetic": True}}
TYPES: dict[str, dict[str, Any]] = {
    "None": {},
    "Float16": {"quantization": {"type": "Float16"}, "minSnrDecibels": 35},
    "DynamicRange": {"quantization": {"type": "DynamicRange"}, "minSnrDecibels": 20},
    # The first calls have little of a scale that was measured over a hundred, so the gate is the type's own.
    "Int8": {"quantization": {"type": "Int8", **SYNTHETIC}, "minSnrDecibels": 10},
    "Int16x8": {"quantization": {"type": "Int16x8", **SYNTHETIC}, "minSnrDecibels": 20},
}


@pytest.fixture(scope="module")
def stateful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stateful")
    exported_models.counting(folder / "signatures")
    exported_models.counting(folder / "call", signatures=False)
    exported_models.training(folder / "training")
    exported_models.recurrent_and_counting(folder / "recurrent")
    exported_models.beyond_litert(folder / "flex", counts=True)
    return folder


def calls(artifact: Path, *keys: str) -> list[dict[str, Any]]:
    """Call signatures of a fresh artifact with ones, one after the other."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(artifact))
    runners = {key: interpreter.get_signature_runner(key) for key in keys}
    outputs = []
    for key in keys:
        given = {name: np.ones(one["shape"], one["dtype"]) for name, one in runners[key].get_input_details().items()}
        outputs.append({name: np.array(value) for name, value in runners[key](**given).items()})
    return outputs


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("model", ["signatures", "call"])
def test_a_model_that_counts_its_calls_counts_from_its_own_number(
    stateful: Path, tmp_path: Path, model: str, kind: str
) -> None:
    converted = convert(stateful / model, tmp_path, signature={"key": "serving_default"}, **TYPES[kind])
    assert converted.verdict is verdict(kind), converted.message
    assert "10 calls in a row from its start" in converted.message
    counted = [float(output["calls"]) for output in calls(tmp_path / "output/model.tflite", *["serving_default"] * 3)]
    # Integers add up their rounding with every call.
    assert counted == pytest.approx([4, 5, 6], abs=0.5 if kind == "Int8" else 0.05)
    assert counted[0] == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize("kind", ["None", "Float16"])
def test_signatures_that_share_state_share_it_in_the_artifact(stateful: Path, tmp_path: Path, kind: str) -> None:
    keys = ["twice", "serving_default", "read"]
    converted = convert(stateful / "signatures", tmp_path, signature={"keys": keys}, **TYPES[kind])
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message
    assert "30 calls in a row" in converted.message
    counted = calls(tmp_path / "output/model.tflite", "serving_default", "twice", "serving_default")
    assert [float(output["calls"]) for output in (counted[0], counted[2])] == pytest.approx([4, 7], abs=0.1)


@pytest.mark.parametrize("keys", [["infer"], ["train", "infer"], ["infer", "train"]])
def test_what_is_published_was_not_trained(stateful: Path, tmp_path: Path, keys: list[str]) -> None:
    import tensorflow as tf

    converted = convert(stateful / "training", tmp_path, signature={"keys": keys})
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message
    assert ("calls in a row" in converted.message) == (len(keys) > 1)
    [output] = calls(tmp_path / "output/model.tflite", "infer")
    own = tf.saved_model.load(str(stateful / "training")).signatures["infer"](x=tf.ones([4, 6]))
    np.testing.assert_allclose(output["output"], own["output"], atol=1e-6)


def test_a_second_attempt_begins_at_the_start_as_well(stateful: Path, tmp_path: Path) -> None:
    converted = convert(stateful / "recurrent", tmp_path)
    assert (converted.verdict, converted.strategy) == (Reason.SNR_SUFFICIENT, "SingleBatch"), converted.message
    [output] = calls(tmp_path / "output/model.tflite", "serving_default")
    assert float(output["calls"]) == 1


def test_what_cannot_be_run_here_begins_at_the_start_as_well(stateful: Path, tmp_path: Path) -> None:
    from tflite_converter.artifact import flatbuffer

    converted = convert(stateful / "flex", tmp_path, selectTf=True)
    assert (converted.verdict, converted.strategy) == (Reason.SELECT_TF, "SelectTF"), converted.message
    assert flatbuffer.read(tmp_path / "output/model.tflite").operations >= {"CALL_ONCE", "ASSIGN_VARIABLE"}
    assert np.float32(41).tobytes() in (tmp_path / "output/model.tflite").read_bytes()


def test_loops_of_a_model_that_keeps_state_are_not_written_out(stateful: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailure, match="keeps state") as caught:
        convert(stateful / "recurrent", tmp_path, **TYPES["Int8"])
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE


@pytest.mark.parametrize("resource", [False, True])
def test_a_tensorflow_1_graph_that_would_forget_is_refused_by_name(tmp_path: Path, resource: bool) -> None:
    exported_models.counting_in_session(tmp_path / "model", resource=resource)
    run: Callable[..., Any] = partial(convert, tmp_path / "model", tmp_path)
    with pytest.raises(StepFailure, match=r"count changes variables.*tf\.Module") as caught:
        run(signature={"keys": ["read", "count"]})
    assert caught.value.reason is Reason.UNSUPPORTED_OPERATION
    assert run(signature={"key": "read"}).verdict is Reason.SNR_SUFFICIENT
