"""What `tflite-convert inspect` tells of a model is what the conversion does with it, and nothing of it is run."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.attacks import hostile_models
from tests.unit.converter import exported_models
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.local_spec import LocalModelSource
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.inspection import fetch, text
from tflite_converter.inspection.findings import InspectedSignature, Inspection
from tflite_converter.model import saved_model
from tflite_converter.model.running import loader

pytestmark = pytest.mark.tensorflow


def inspect(model: Path, *tags: str) -> Inspection:
    source = LocalModelSource(handle=model.as_uri(), tags=tags or None)
    return fetch.inspect(source, FetchLimits(), LoggedProgress())


def signatures(found: Inspection) -> Mapping[str, InspectedSignature]:
    (graph,) = [graph for graph in found.graphs if graph.chosen]
    return {signature.key: signature for signature in graph.signatures}


def exported(save: Callable[..., None], tmp_path: Path) -> Path:
    save(tmp_path / "model")
    return tmp_path / "model"


def test_a_model_is_told_with_its_names_shapes_dtypes_and_operations(models: Path) -> None:
    found = inspect(models / "dense")
    signature = signatures(found)["serving_default"]
    assert found.graphs[0].tags == ("serve",)
    assert [tensor.to_object() for tensor in signature.inputs] == [{"name": "x", "dtype": "float32", "shape": [-1, 64]}]
    assert [(tensor.name, tensor.shape) for tensor in signature.outputs] == [("sum", (-1,)), ("y", (-1, 32))]
    assert (signature.operations["MatMul"], signature.operations["Relu"]) == (1, 1)
    assert (signature.verdict.outcome, found.verdict.outcome, signature.converted) == ("Accepted", "Accepted", True)


@pytest.mark.parametrize(
    ("name", "reason", "word"),
    [("text", Reason.INPUT_UNSUPPORTED, "string"), ("python", Reason.UNSUPPORTED_OPERATION, "EagerPyFunc")],
)
def test_what_is_refused_is_refused_by_the_conversion_in_the_same_words(
    models: Path, tmp_path: Path, name: str, reason: Reason, word: str
) -> None:
    found = inspect(models / name)
    with pytest.raises(StepFailure) as caught:
        convert(models / name, tmp_path)
    assert caught.value.reason is reason
    assert word in caught.value.message
    for verdict in (found.verdict, signatures(found)["serving_default"].verdict):
        assert (verdict.outcome, verdict.reason, verdict.message) == ("Refused", reason, caught.value.message)


def test_without_a_default_it_shows_which_signatures_are_taken_unasked(tmp_path: Path) -> None:
    found = signatures(inspect(exported(exported_models.several_signatures, tmp_path)))
    assert {key: signature.converted for key, signature in found.items()} == {
        "encode": True,
        "score": True,
        "train": False,
        "save": False,
    }
    assert found["save"].verdict.reason is Reason.INPUT_UNSUPPORTED
    assert found["train"].verdict.outcome == "Accepted"


def test_a_model_without_signatures_is_told_by_what_loading_it_finds(tmp_path: Path) -> None:
    model = exported(exported_models.without_signatures, tmp_path)
    (graph,) = saved_model.read(model)
    loaded = loader.load(model, graph)
    assert loaded.strategy == "Call"
    assert graph.declared == loaded.signatures
    found = signatures(inspect(model))["serving_default"]
    assert found.strategies == ("Call",)
    assert [(tensor.name, tensor.shape) for tensor in found.inputs] == [("images", (-1, 4))]
    assert [tensor.name for tensor in found.outputs] == ["scores"]
    assert found.operations["Softmax"] == 1


def test_strategies_that_operations_ask_for_are_foretold(tmp_path: Path) -> None:
    found = signatures(inspect(exported(exported_models.recurrent, tmp_path)))["serving_default"]
    assert found.strategies == ("SingleBatch",)
    assert any("batch is fixed at 1" in note for note in found.notes)


def test_a_graph_that_may_know_shapes_which_its_proto_lacks_is_not_refused(tmp_path: Path) -> None:
    found = signatures(inspect(exported(exported_models.fed_in_the_middle, tmp_path)))["serving_default"]
    assert found.inputs[0].shape is None
    assert (found.verdict.outcome, found.strategies) == ("Accepted", ("Session",))
    assert any("no shape for x" in note for note in found.notes)


def test_tags_that_the_model_lacks_are_refused_with_those_it_has(models: Path) -> None:
    found = inspect(models / "dense", "gpu")
    assert found.verdict.reason is Reason.TAGS_NOT_FOUND
    assert "[serve]" in (found.verdict.message or "")
    assert [graph.chosen for graph in found.graphs] == [False]


def test_nothing_of_the_model_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.mkdir()
    hostile_models.save(hostile_models.forge_in(str(mark)), tmp_path / "model")
    found = inspect(tmp_path / "model")
    assert signatures(found)["serving_default"].inputs[0].name == "x"
    assert list(mark.iterdir()) == []
    # The trap is one: loading the model springs it.
    (graph,) = saved_model.read(tmp_path / "model")
    loader.load(tmp_path / "model", graph)
    assert list(mark.iterdir()) != []


def test_names_of_the_model_cannot_move_the_terminal(tmp_path: Path, models: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel.FromString((models / "dense" / "saved_model.pb").read_bytes())
    definitions = proto.meta_graphs[0].signature_def
    definitions["\x1b[2J\x9b2Jgone\n"].CopyFrom(definitions["serving_default"])
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_bytes(proto.SerializeToString())
    found = inspect(tmp_path / "model")
    shown = text.of(found).plain
    assert "gone" in shown
    assert all(line.isprintable() for line in shown.splitlines())
    assert json.dumps(found.to_object()).isprintable()


def test_the_command_prints_json_for_programs_and_ends_as_the_conversion_would(models: Path) -> None:
    codes = {}
    for name in ("dense", "text"):
        command = [sys.executable, "-m", "tflite_converter", "inspect", str(models / name), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = Inspection.model_validate_json(done.stdout)
        assert found.model.handle == (models / name).as_uri()
        codes[name] = done.returncode
    assert codes == {"dense": 0, "text": 3}


def with_signatures(model: Path, tmp_path: Path, count: int) -> Path:
    """Copy a model, with one of its signatures as often as this."""
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((model / "saved_model.pb").read_bytes())
    defined = proto.meta_graphs[0].signature_def
    one = defined["serving_default"]
    for number in range(count - len([key for key in defined if not key.startswith("__")])):
        defined[f"signature-{number}"].CopyFrom(one)
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "saved_model.pb").write_bytes(proto.SerializeToString())
    return tmp_path / "many"


def test_a_model_of_very_many_signatures_is_refused_before_each_is_looked_at(models: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailure, match="holds 20000 signatures in one graph, more than the 256") as caught:
        inspect(with_signatures(models / "dense", tmp_path, 20_000))
    assert caught.value.reason is Reason.MODEL_LOAD_FAILED


def test_each_signature_is_walked_once(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[tuple[str, ...]] = []
    walk = saved_model._reachable

    def counted(graph: saved_model.Graph, roots: tuple[str, ...]) -> object:
        walked.append(roots)
        return walk(graph, roots)

    monkeypatch.setattr(saved_model, "_reachable", counted)
    found = inspect(with_signatures(models / "dense", tmp_path, 256))
    assert len(signatures(found)) == len(walked) == 256


def test_a_model_of_very_many_functions_is_refused_before_each_is_looked_at(models: Path, tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((models / "dense" / "saved_model.pb").read_bytes())
    proto.meta_graphs[0].signature_def.clear()
    objects = proto.meta_graphs[0].object_graph_def
    objects.nodes.add().function.concrete_functions.append("absent")
    for number in range(300):
        objects.nodes[0].children.add(node_id=len(objects.nodes) - 1, local_name=f"f{number}")
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(StepFailure, match="functions in one graph, more than the 256"):
        inspect(tmp_path / "many")
