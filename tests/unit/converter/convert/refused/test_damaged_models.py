"""A SavedModel that is not whole, or of another TensorFlow, is refused with what was found and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow

INDEX = "variables/variables.index"
DATA = "variables/variables.data-00000-of-00001"
SAVED_BY = {"TensorFlow 2": exported_models.pinned_to_gpu, "TensorFlow 1": exported_models.reference_variables}


def refusal(model: Path, tmp_path: Path) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        convert(model, tmp_path)
    assert str(tmp_path) not in caught.value.message
    return caught.value


def remove(*names: str) -> Callable[[Path], None]:
    def harm(model: Path) -> None:
        for name in names:
            (model / name).unlink()

    return harm


def cut_off(name: str) -> Callable[[Path], None]:
    def harm(model: Path) -> None:
        content = (model / name).read_bytes()
        (model / name).write_bytes(content[: len(content) // 2])

    return harm


def flip_a_bit(model: Path) -> None:
    content = bytearray((model / DATA).read_bytes())
    content[4] ^= 1
    (model / DATA).write_bytes(content)


@pytest.mark.parametrize("save", SAVED_BY.values(), ids=SAVED_BY)
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (remove(INDEX, DATA), f"its variables are missing, there is no file {INDEX}"),
        (remove(INDEX), f"its variables are missing, there is no file {INDEX}"),
        (remove(DATA), f"its variables are missing, there is no file {DATA}"),
        (cut_off(INDEX), "its variables are damaged or cut off, the list of them cannot be read"),
        (cut_off(DATA), "its variables are damaged or cut off, "),
        (flip_a_bit, "Checksum does not match"),
    ],
)
def test_variables_that_are_not_all_there_are_named_with_what_to_do(
    tmp_path: Path, save: Callable[[Path], None], harm: Callable[[Path], None], words: str
) -> None:
    save(tmp_path / "model")
    harm(tmp_path / "model")
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.MODEL_LOAD_FAILED
    assert words in failure.message
    assert failure.message.endswith("upload or pack the whole SavedModel folder again")


@pytest.mark.parametrize("names", [("x-of-y",), ("00000-of-00002",), ("00000-of-99999", "00001-of-99999")])
def test_files_of_variables_with_any_names_are_looked_at(tmp_path: Path, names: tuple[str, ...]) -> None:
    exported_models.pinned_to_gpu(tmp_path / "model")
    remove(DATA)(tmp_path / "model")
    for name in names:
        (tmp_path / "model" / f"variables/variables.data-{name}").write_bytes(b"")
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.MODEL_LOAD_FAILED
    assert "there is no file variables/variables.data-0000" in failure.message


def test_a_graph_that_is_cut_off_is_named(tmp_path: Path) -> None:
    exported_models.pinned_to_gpu(tmp_path / "model")
    cut_off("saved_model.pb")(tmp_path / "model")
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.MODEL_LOAD_FAILED
    assert "saved_model.pb cannot be parsed" in failure.message


def edit(model: Path, change: Callable[[Any], object]) -> None:
    """Change a SavedModel's graph."""
    from tensorflow.core.protobuf import saved_model_pb2

    file = model / "saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(proto.meta_graphs[0])
    file.write_bytes(proto.SerializeToString())


def as_saved_by(model: Path, version: str, change: Callable[[Any], object] = lambda _: None) -> None:
    """Make a SavedModel claim that another TensorFlow saved it, and change its multiplications."""

    def say(graph: Any) -> None:
        graph.meta_info_def.tensorflow_version = version
        functions = (node for function in graph.graph_def.library.function for node in function.node_def)
        for node in (*graph.graph_def.node, *functions):
            if node.op == "MatMul":
                change(node)

    edit(model, say)


def unknown_operation(node: Any) -> None:
    node.op = "MatMulOfTomorrow"


def unknown_type(node: Any) -> None:
    node.attr["T"].type = 99


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (unknown_operation, Reason.UNSUPPORTED_OPERATION, "lacks operations of this graph: MatMulOfTomorrow"),
        (unknown_type, Reason.MODEL_LOAD_FAILED, "99"),
    ],
)
def test_what_only_a_newer_tensorflow_knows_is_said_with_the_versions(
    tmp_path: Path, change: Callable[[Any], object], reason: Reason, words: str
) -> None:
    import tensorflow as tf

    exported_models.pinned_to_gpu(tmp_path / "model")
    as_saved_by(tmp_path / "model", "2.99.0", change)
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is reason
    assert words in failure.message
    assert f"exported by TensorFlow 2.99.0, which is newer than the {tf.__version__} here" in failure.message
    assert failure.message.endswith("Export it with that version or an older one")


def test_an_operation_of_an_old_tensorflow_that_is_gone_is_named_with_the_version(tmp_path: Path) -> None:
    exported_models.reference_variables(tmp_path / "model")
    as_saved_by(tmp_path / "model", "1.4.0", unknown_operation)
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.UNSUPPORTED_OPERATION
    assert "MatMulOfTomorrow; it was exported by TensorFlow 1.4.0. Export it without them" in failure.message
    assert "newer" not in failure.message


@pytest.mark.parametrize(
    ("save", "version"),
    [(exported_models.reference_variables, "1.4.0"), (exported_models.pinned_to_gpu, "2.99.0")],
)
def test_another_tensorflow_alone_is_no_reason(tmp_path: Path, save: Callable[[Path], None], version: str) -> None:
    save(tmp_path / "model")
    as_saved_by(tmp_path / "model", version)
    assert convert(tmp_path / "model", tmp_path).verdict is Reason.SNR_SUFFICIENT


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (lambda graph: setattr(first_input(graph), "dtype", 99), Reason.INPUT_UNSUPPORTED, "input x: type 99, which"),
        (
            lambda graph: setattr(first_input(graph).tensor_shape.dim[0], "size", -7),
            Reason.MODEL_LOAD_FAILED,
            r"gives x the shape \[-7, 4\], which no tensor has",
        ),
    ],
)
def test_a_signature_that_makes_no_sense_is_named(
    tmp_path: Path, change: Callable[[Any], object], reason: Reason, words: str
) -> None:
    exported_models.pinned_to_gpu(tmp_path / "model")
    edit(tmp_path / "model", change)
    with pytest.raises(StepFailure, match=words) as caught:
        convert(tmp_path / "model", tmp_path)
    assert caught.value.reason is reason


def first_input(graph: Any) -> Any:
    return graph.signature_def["serving_default"].inputs["x"]


def test_a_file_that_holds_nothing_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").touch()
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.MODEL_LOAD_FAILED
    assert "saved_model.pb holds no graph" in failure.message


def test_a_model_without_variables_is_not_told_to_bring_them(tmp_path: Path) -> None:
    def harm(graph: Any) -> None:
        for node in graph.graph_def.node:
            if node.op == "Mul":
                unknown_type(node)

    exported_models.duplicate_inputs(tmp_path / "model")
    edit(tmp_path / "model", harm)
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.MODEL_LOAD_FAILED
    assert "DataType enum: 99" in failure.message
    assert "variables" not in failure.message


def v1_model(
    folder: Path, *, sparse: bool = False, declared: tuple[str, ...] = ("x", "keep"), used: bool = True
) -> None:
    """A TensorFlow 1 graph whose signature declares some of its placeholders."""
    import tensorflow as tf

    v1 = tf.compat.v1
    describe = v1.saved_model.build_tensor_info
    with v1.Graph().as_default(), v1.Session() as session:
        make = v1.sparse_placeholder if sparse else v1.placeholder
        inputs = {"x": make(tf.float32, [None, 4], name="x"), "keep": v1.placeholder(tf.float32, [], name="keep")}
        x = v1.sparse_tensor_to_dense(inputs["x"]) if sparse else inputs["x"]
        y = x * (inputs["keep"] if used else 2.0)
        signature = v1.saved_model.build_signature_def(
            {name: describe(inputs[name]) for name in declared}, {"y": describe(y)}
        )
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()


def test_a_signature_that_lacks_an_input_is_told_which(tmp_path: Path) -> None:
    v1_model(tmp_path / "model", declared=("x",))
    with pytest.raises(
        StepFailure, match=r"cannot be computed from its inputs: .*depends .* on placeholder .*keep"
    ) as e:
        convert(tmp_path / "model", tmp_path)
    assert e.value.reason is Reason.MODEL_LOAD_FAILED


def test_a_signature_may_have_an_input_that_nothing_reads(tmp_path: Path) -> None:
    v1_model(tmp_path / "model", used=False)
    converted = convert(tmp_path / "model", tmp_path)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert {tensor.name for tensor in converted.signature.inputs} == {"x", "keep"}


def test_a_sparse_input_is_named(tmp_path: Path) -> None:
    v1_model(tmp_path / "model", sparse=True)
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.INPUT_UNSUPPORTED
    assert "input x: sparse tensor of float32 [-1, 4]" in failure.message


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (exported_models.pinned_to_gpu, "cannot be computed from its inputs: Binding inputs to tf.function failed"),
        (exported_models.duplicate_inputs, "cannot be computed from its inputs: nowhere is not in graph"),
    ],
)
def test_a_signature_that_its_graph_does_not_have_is_named(
    tmp_path: Path, save: Callable[[Path], None], words: str
) -> None:
    def rename(graph: Any) -> None:
        inputs = graph.signature_def["serving_default"].inputs
        inputs["z"].CopyFrom(inputs["x"])
        inputs["z"].name = "nowhere:0"
        del inputs["x"]

    save(tmp_path / "model")
    edit(tmp_path / "model", rename)
    failure = refusal(tmp_path / "model", tmp_path)
    assert failure.reason is Reason.MODEL_LOAD_FAILED
    assert words in failure.message


def test_a_signature_without_outputs_is_not_converted(tmp_path: Path) -> None:
    exported_models.policy(tmp_path / "model")
    with pytest.raises(StepFailure, match=r"get_initial_state has no outputs.*signature\.key") as caught:
        convert(tmp_path / "model", tmp_path, signature={"key": "get_initial_state"})
    assert caught.value.reason is Reason.INPUT_UNSUPPORTED
