"""One operation restores the variables of a pinned SavedModel, which converts to the same file as TensorFlow's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflite_api.resource.quantization import Quantization
from tflite_api.resource.spec import Signature
from tflite_converter.convert import tf_converter
from tflite_converter.convert.tf_converter import ConverterSettings
from tflite_converter.model import saved_model, selection
from tflite_converter.model.running import loader, restoring

pytestmark = pytest.mark.tensorflow
SETTINGS = ConverterSettings(keys=("serving_default",), quantization=Quantization())


def export(folder: Path, *names: str) -> None:
    """Save a model that multiplies by one variable after the other, and takes a row of it away."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = [
        tf.Variable(np.full((4, 4), number + 2, np.float32), name=name) for number, name in enumerate(names)
    ]

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])  # type: ignore[untyped-decorator] # no types
    def multiply(x: Any) -> dict[str, Any]:
        for weight in module.weights:
            x = tf.matmul(x, weight) - weight[0]
        return {"y": x}

    tf.saved_model.save(module, str(folder), signatures=multiply)


def pinned(model: Path, folder: Path) -> Path:
    graph = selection.choose_graph(saved_model.read(model), None)
    loaded = loader.load(model, graph)
    loaded.save_pinned(selection.plan(graph, graph.signatures, asked=Signature()), folder)
    loaded.close()
    return folder


def restored_by(folder: Path) -> str:
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return str(proto.meta_graphs[0].saver_def.restore_op_name)


def computed(folder: Path) -> list[Any]:
    """Run it as a session does, and as objects."""
    import tensorflow as tf

    one = np.ones((1, 4), np.float32)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
        signature = loaded.signature_def["serving_default"]
        by_session = session.run(signature.outputs["y"].name, {signature.inputs["x"].name: one})
    return [by_session.tolist(), tf.saved_model.load(str(folder)).signatures["serving_default"](tf.constant(one))["y"]]


def test_its_variables_have_their_values_whoever_loads_it(tmp_path: Path) -> None:
    export(tmp_path / "model", "one", "restoring/other")
    folder = pinned(tmp_path / "model", tmp_path / "pinned")
    assert restored_by(folder) == "restoring_/done"
    for found in computed(folder):
        assert np.asarray(found).tolist() == [[(4 * 2 - 2) * 4 * 3 - 3] * 4]


@pytest.mark.parametrize("names", [("one", "other"), ("same", "same")])
def test_it_converts_to_the_same_file_as_what_tensorflow_restores_itself(
    tmp_path: Path, names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "model", *names)
    ours = pinned(tmp_path / "model", tmp_path / "ours")
    monkeypatch.setattr(restoring, "add", lambda *_: False)
    theirs = pinned(tmp_path / "model", tmp_path / "theirs")
    assert not restored_by(theirs).startswith("restoring")
    files = [tf_converter.convert(folder, SETTINGS) for folder in (ours, theirs)]
    assert files[0] == files[1]


def test_variables_that_names_do_not_tell_apart_are_left_to_tensorflow(tmp_path: Path) -> None:
    export(tmp_path / "model", "same", "same")
    folder = pinned(tmp_path / "model", tmp_path / "pinned")
    assert not restored_by(folder).startswith("restoring")
    assert np.asarray(computed(folder)[0]).tolist() == [[(4 * 2 - 2) * 4 * 3 - 3] * 4]
