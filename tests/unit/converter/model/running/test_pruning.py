"""Of a SavedModel only what signatures need is loaded, and it is the same that all of it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.model.running.test_restoring import SETTINGS
from tflite_converter.convert import tf_converter
from tflite_converter.model import saved_model
from tflite_converter.model.running import loader, pruning

pytestmark = pytest.mark.tensorflow
KEYS = ["serving_default"]


def export(folder: Path, *, with_table: bool = False) -> None:
    """Save a model with variables in lists and dicts, a constant and a gradient of its own, and much beside it."""
    import tensorflow as tf

    module = tf.Module()
    module.layers = [tf.Module(), {"kernel": tf.Variable(np.full((4, 4), 2, np.float32)), "a/b": tf.Variable([1.0])}]
    module.layers[0].bias = tf.Variable([1.0, 2.0, 3.0, 4.0])
    module.copies = [tf.Variable(np.zeros((4, 4), np.float32)), tf.Variable([0.0])]
    constant = tf.constant([1.0, 0.0, 1.0, 0.0])

    @tf.custom_gradient  # type: ignore[untyped-decorator] # no types
    def doubled(x: Any) -> tuple[Any, Any]:
        return 2 * x, lambda upstream: upstream * x

    if with_table:
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant([0], tf.int64), tf.constant([5.0]))
        module.table = tf.lookup.StaticHashTable(initializer, 0.0)

    spec = [tf.TensorSpec([None, 4], tf.float32, name="x")]

    @tf.function(input_signature=spec)  # type: ignore[untyped-decorator] # no types
    def serve(x: Any) -> dict[str, Any]:
        y = doubled(tf.matmul(x, module.layers[1]["kernel"]) + module.layers[0].bias) * constant
        return {"y": y + module.table.lookup(tf.constant(0, tf.int64)) if with_table else y}

    @tf.function(input_signature=spec)  # type: ignore[untyped-decorator] # no types
    def train(x: Any) -> dict[str, Any]:
        return {"z": tf.matmul(x, module.copies[0].assign_add(tf.ones((4, 4))))}

    module.serve, module.train = serve, train
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve, "train": train})


def pruned(folder: Path, target: Path) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    target.mkdir()
    assert pruning.prune(folder, KEYS, target)
    return saved_model_pb2.SavedModel.FromString((target / "saved_model.pb").read_bytes()).meta_graphs[0]


def test_only_what_the_signature_needs_is_left(tmp_path: Path) -> None:
    export(tmp_path / "model")
    meta = pruned(tmp_path / "model", tmp_path / "pruned")
    kinds = [node.WhichOneof("kind") for node in meta.object_graph_def.nodes]
    assert (kinds.count("variable"), kinds.count("constant"), kinds.count("bare_concrete_function")) == (2, 1, 1)
    names = [function.signature.name for function in meta.graph_def.library.function]
    assert len(names) == 2, "the signature, and what it calls"
    assert not any("train" in name or "traced" in name or "grad" in name for name in names)


def test_the_artifact_is_the_same_as_of_the_whole_model(tmp_path: Path) -> None:
    export(tmp_path / "model")
    graph = saved_model.read(tmp_path / "model")[0]
    sample = {"x": np.asarray([[1, 2, 3, 4]], np.float32)}
    artifacts, outputs = [], []
    for keys in (None, KEYS):
        loaded = loader.load(tmp_path / "model", graph, keys)
        outputs.append(loaded.run("serving_default", sample)["y"].tolist())
        folder = tmp_path / ("pinned" if keys else "whole")
        loaded.save_pinned([graph.signatures["serving_default"]], folder)
        loaded.close()
        artifacts.append(tf_converter.convert(folder, SETTINGS))
    assert outputs[0] == outputs[1] == [[42.0, 0.0, 46.0, 0.0]]
    assert artifacts[0] == artifacts[1]


def test_what_other_signatures_need_is_not_loaded(tmp_path: Path) -> None:
    export(tmp_path / "model")
    loaded: Any = loader.load(tmp_path / "model", saved_model.read(tmp_path / "model")[0], KEYS)
    assert list(loaded._functions) == KEYS
    assert not hasattr(loaded._model, "copies")


def test_a_model_with_a_table_is_loaded_as_it_is(tmp_path: Path) -> None:
    export(tmp_path / "model", with_table=True)
    (tmp_path / "pruned").mkdir()
    assert not pruning.prune(tmp_path / "model", KEYS, tmp_path / "pruned")
    assert not pruning.prune(tmp_path / "model", ["absent"], tmp_path / "pruned")
    loaded = loader.load(tmp_path / "model", saved_model.read(tmp_path / "model")[0], KEYS)
    sample = {"x": np.asarray([[1, 2, 3, 4]], np.float32)}
    assert loaded.run("serving_default", sample)["y"].tolist() == [[47.0, 5.0, 51.0, 5.0]]


def test_a_large_graph_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(tmp_path / "model")
    (tmp_path / "pruned").mkdir()
    monkeypatch.setattr(pruning, "_LARGEST", 1000)
    assert not pruning.prune(tmp_path / "model", KEYS, tmp_path / "pruned")


def renamed(folder: Path, before: str, after: str) -> None:
    """Give a variable of the objects another name than the checkpoint has for it."""
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    children = [child for node in proto.meta_graphs[0].object_graph_def.nodes for child in node.children]
    (child,) = (child for child in children if child.local_name == before)
    child.local_name = after
    path.write_bytes(proto.SerializeToString())


def test_a_variable_that_the_checkpoint_does_not_know_is_not_left_without_a_value(tmp_path: Path) -> None:
    export(tmp_path / "model")
    renamed(tmp_path / "model", "bias", "slope")
    graph = saved_model.read(tmp_path / "model")[0]
    # A session takes the values by other names, as it does where all is loaded.
    loaded = [loader.load(tmp_path / "model", graph, keys) for keys in (None, KEYS)]
    assert [type(model).__name__ for model in loaded] == ["SessionModel", "SessionModel"]
    sample = {"x": np.asarray([[1, 2, 3, 4]], np.float32)}
    assert loaded[1].run("serving_default", sample)["y"].tolist() == [[42.0, 0.0, 46.0, 0.0]]


def test_a_name_that_python_keeps_for_itself_leads_nowhere(tmp_path: Path) -> None:
    export(tmp_path / "model")
    renamed(tmp_path / "model", "kernel", "__class__")
    (tmp_path / "pruned").mkdir()
    assert not pruning.prune(tmp_path / "model", KEYS, tmp_path / "pruned")
