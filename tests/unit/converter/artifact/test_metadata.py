"""Metadata is what MediaPipe reads; the model below it stays what it was."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tflite_api.reasons import Reason
from tflite_api.resource.metadata import ModelMetadata
from tflite_converter.artifact import metadata
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

pytestmark = pytest.mark.tensorflow

READER = Path(__file__).with_name("mediapipe_reader.py")
NORMALIZATION = {"mean": ["127.5"], "std": ["127.5"]}
PETS: dict[str, Any] = {
    "name": "Pets",
    "description": "Tells cats from dogs.",
    "version": "1.2",
    "author": "Åsa",
    "license": "Apache-2.0",
    "inputs": [{"name": "image", "description": "a pet", "colorSpace": "RGB", "normalization": NORMALIZATION}],
    "outputs": [{"name": "scores", "description": "how sure", "labels": ["cat", "chien é"]}],
}
BARE = {"content_properties_type": "FeatureProperties", "content_properties": {}}


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of .tflite files: what TensorFlow's converter makes of small models."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("artifacts")
    spec = tf.TensorSpec
    weights = tf.random.stateless_normal([192, 2], seed=(1, 2))

    def save(
        name: str, bodies: dict[str, tuple[Callable[..., Any], list[tf.TensorSpec]]], *, behind: bool = False
    ) -> None:
        module = tf.Module()
        module.weights = tf.Variable(weights)
        signatures = {
            key: tf.function(
                lambda *given, body=body: body(module, *given), input_signature=specs
            ).get_concrete_function()
            for key, (body, specs) in bodies.items()
        }
        tf.saved_model.save(module, str(folder / name), signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / name), signature_keys=list(bodies))
        converter._experimental_use_buffer_offset = behind
        (folder / f"{name}.tflite").write_bytes(converter.convert())

    def scores(module: Any, image: Any) -> Any:
        return {"scores": tf.nn.softmax(tf.reshape(image, [-1, 192]) @ module.weights)}

    image = spec([1, 8, 8, 3], tf.float32, name="image")
    save("image", {"serving_default": (scores, [image])})
    save("behind", {"serving_default": (scores, [image])}, behind=True)
    save(
        "gray",
        {
            "serving_default": (
                lambda _, pixels: {"sum": tf.reduce_sum(pixels, [1, 2])},
                [spec([1, 4, 4, 1], name="pixels")],
            )
        },
    )
    save(
        "order",
        {
            "serving_default": (
                lambda _, zebra, ant, mouse: {"b": zebra + 1.0, "a": ant * 2.0, "c": tf.reduce_sum(mouse)},
                [spec([None, 5], name="zebra"), spec([3], name="ant"), spec([2, 7], tf.int32, name="mouse")],
            )
        },
    )
    row = spec([1, 192], name="x")
    save(
        "two",
        {
            "walk": (lambda module, x: {"y": x @ module.weights}, [row]),
            "run": (lambda module, x: {"z": x @ module.weights + 1.0}, [row]),
        },
    )
    return folder


@pytest.fixture
def written(artifacts: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes metadata into a copy of an artifact."""

    def write(name: str, given: dict[str, Any], key: str = "serving_default") -> Path:
        path = Path(shutil.copy(artifacts / f"{name}.tflite", tmp_path))
        metadata.write(path, ModelMetadata.from_object(given), key)
        return path

    return write


def mediapipe(*arguments: Path) -> Any:
    """Run MediaPipe's readers."""
    command = [sys.executable, str(READER), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def outputs(model: Interpreter) -> dict[str, Any]:
    """Run every signature on the same numbers."""
    found: dict[str, Any] = {}
    for key in model.get_signature_list():
        runner = model.get_signature_runner(key)
        draw = np.random.default_rng(5)
        given = {
            name: (10 * draw.standard_normal(detail["shape"])).astype(detail["dtype"])
            for name, detail in sorted(runner.get_input_details().items())
        }
        found |= {f"{key}/{name}": value.tolist() for name, value in runner(**given).items()}
    return found


def test_mediapipe_displays_all_that_the_spec_says(written: Callable[..., Path]) -> None:
    assert mediapipe(written("image", PETS)) == {
        "metadata": {
            "name": "Pets",
            "description": "Tells cats from dogs.",
            "version": "1.2",
            "subgraph_metadata": [
                {
                    "input_tensor_metadata": [
                        {
                            "name": "image",
                            "description": "a pet",
                            "content": {
                                "content_properties_type": "ImageProperties",
                                "content_properties": {"color_space": "RGB"},
                            },
                            "process_units": [
                                {
                                    "options_type": "NormalizationOptions",
                                    "options": {"mean": [127.5], "std": [127.5]},
                                }
                            ],
                        }
                    ],
                    "output_tensor_metadata": [
                        {
                            "name": "scores",
                            "description": "how sure",
                            "content": BARE,
                            "associated_files": [{"name": "labels.txt", "type": "TENSOR_AXIS_LABELS"}],
                        }
                    ],
                }
            ],
            "author": "Åsa",
            "license": "Apache-2.0",
            "min_parser_version": "1.0.0",
        },
        "files": {"labels.txt": "cat\nchien é\n"},
    }


def test_mediapipe_displays_a_grey_image(written: Callable[..., Path]) -> None:
    read = mediapipe(written("gray", about("inputs", "pixels", colorSpace="Grayscale")))["metadata"]
    (described,) = read["subgraph_metadata"][0]["input_tensor_metadata"]
    assert described["content"]["content_properties"] == {"color_space": "GRAYSCALE"}


@pytest.mark.parametrize("name", ["image", "behind"])
def test_mediapipe_classifies_by_it(name: str, written: Callable[..., Path], tmp_path: Path) -> None:
    image = np.random.default_rng(3).integers(0, 256, [8, 8, 3], np.uint8)
    np.save(tmp_path / "image.npy", image)
    model = written(name, PETS)
    prepared = ((image[np.newaxis] - 127.5) / 127.5).astype(np.float32)
    cat, dog = Interpreter(model_path=str(model)).get_signature_runner()(image=prepared)["scores"][0]
    assert mediapipe(model, tmp_path / "image.npy") == pytest.approx({"cat": cat, "chien é": dog}, abs=1e-3)


def test_tensors_are_described_in_the_order_of_the_graph(written: Callable[..., Path]) -> None:
    per_place = {"mean": ["1", "2", "3", "4", "-5.5"], "std": ["1", "2", "3", "4", "0.5"]}
    model = written(
        "order",
        {
            "inputs": [{"name": "zebra", "normalization": per_place}],
            "outputs": [{"name": "b", "labels": list("vwxyz")}, {"name": "a", "labels": list("ABC")}],
        },
    )
    interpreter = Interpreter(model_path=str(model))
    runner = interpreter.get_signature_runner()
    read = mediapipe(model)
    (graph,) = read["metadata"]["subgraph_metadata"]
    for side, tensors, named in (
        ("input", interpreter.get_input_details(), runner.get_input_details()),
        ("output", interpreter.get_output_details(), runner.get_output_details()),
    ):
        names = {detail["index"]: name for name, detail in named.items()}
        order = [names[detail["index"]] for detail in tensors]
        assert order != sorted(order), "the case is worth nothing where the orders are the same"
        assert [tensor["name"] for tensor in graph[f"{side}_tensor_metadata"]] == order
    described = {tensor["name"]: tensor for side in graph.values() for tensor in side}
    assert described["ant"] == {"name": "ant", "content": BARE}
    assert described["zebra"]["process_units"][0]["options"] == {
        "mean": [1.0, 2.0, 3.0, 4.0, -5.5],
        "std": [1.0, 2.0, 3.0, 4.0, 0.5],
    }
    files = {name: described[name]["associated_files"][0]["name"] for name in "ab"}
    assert read["files"] == {files["a"]: "A\nB\nC\n", files["b"]: "v\nw\nx\ny\nz\n"}


@pytest.mark.parametrize("name", ["image", "behind", "order", "two"])
def test_the_model_computes_what_it_did(name: str, artifacts: Path, written: Callable[..., Path]) -> None:
    key = "walk" if name == "two" else "serving_default"
    model = written(name, {"name": "n"}, key)
    before = outputs(Interpreter(model_path=str(artifacts / f"{name}.tflite")))
    assert outputs(Interpreter(model_path=str(model))) == before
    assert outputs(Interpreter(model_content=model.read_bytes())) == before


def test_the_same_metadata_gives_the_same_bytes(written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = written("image", PETS).read_bytes()
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 5, 4, 3, 2, 1, 0, 0, 0))
    assert written("image", PETS).read_bytes() == first
    (packed,) = zipfile.ZipFile(BytesIO(first)).infolist()
    assert (packed.compress_type, packed.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))


def test_a_file_without_labels_has_no_archive(written: Callable[..., Path]) -> None:
    assert not zipfile.is_zipfile(written("image", {"name": "n"}))


def about(side: str, name: str, **said: Any) -> dict[str, Any]:
    return {side: [{"name": name, **said}]}


@pytest.mark.parametrize(
    ("artifact", "given", "words"),
    [
        (
            "image",
            about("inputs", "picture"),
            r"names picture, but the inputs of .* are: image: float32 \[1, 8, 8, 3\]",
        ),
        ("image", about("outputs", "image"), r"names image, but the outputs of .* are: scores: float32 \[1, 2\]"),
        ("image", about("outputs", "scores", labels=["a"] * 3), r"3 labels for scores: float32 \[1, 2\]: give 2"),
        ("order", about("outputs", "c", labels=["a"]), r"c: int32 \[\], which has no dimension"),
        ("image", about("inputs", "image", colorSpace="Grayscale"), r"\[batch, height, width, 1\]; but it is image"),
        (
            "order",
            about("inputs", "ant", colorSpace="RGB"),
            r"\[batch, height, width, 3\]; but it is ant: float32 \[3\]",
        ),
        (
            "image",
            about("inputs", "image", normalization={"mean": ["0"] * 2, "std": ["1"] * 2}),
            r"2 numbers for the normalization of image: .*: give one number, or 3",
        ),
        (
            "order",
            about("inputs", "zebra", normalization={"mean": ["0"] * 3, "std": ["1"] * 3}),
            r"3 numbers for the normalization of zebra: float32 \[-1, 5\]: give one number, or 5",
        ),
    ],
)
def test_what_does_not_fit_the_signature_is_refused(
    artifact: str, given: dict[str, Any], words: str, artifacts: Path, written: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        written(artifact, given)
    assert caught.value.reason is Reason.INVALID_METADATA
    assert [path.name for path in tmp_path.iterdir()] == [f"{artifact}.tflite"]
    assert (tmp_path / f"{artifact}.tflite").read_bytes() == (artifacts / f"{artifact}.tflite").read_bytes()


def flexible(*shape: int) -> SignatureFacts:
    return SignatureFacts("run", (TensorFacts("x", "float32", shape),), (TensorFacts("y", "float32", shape),))


def test_a_flexible_dimension_takes_any_number() -> None:
    three = {"mean": ["0"] * 3, "std": ["1"] * 3}
    for said in (
        about("inputs", "x", normalization=three),
        about("inputs", "x", normalization=three, colorSpace="RGB"),
        about("outputs", "y", labels=["a", "b"]),
    ):
        metadata.check(ModelMetadata.from_object(said), "run", flexible(1, -1, -1, -1))


def test_the_color_space_counts_the_channels_of_a_flexible_dimension() -> None:
    two = {"mean": ["0"] * 2, "std": ["1"] * 2}
    said = ModelMetadata.from_object(about("inputs", "x", normalization=two, colorSpace="RGB"))
    with pytest.raises(StepFailure, match="give one number, or 3"):
        metadata.check(said, "run", flexible(1, -1, -1, -1))


def test_of_several_signatures_the_first_by_name_is_described(written: Callable[..., Path]) -> None:
    with pytest.raises(StepFailure, match=r"main signature, which is run and not walk: .* first by name"):
        written("two", about("outputs", "y", labels=["a", "b"]), "walk")
    read = mediapipe(written("two", {"name": "Legs"}, "walk"))["metadata"]
    assert read["name"] == "Legs"
    assert [output["name"] for output in read["subgraph_metadata"][0]["output_tensor_metadata"]] == ["z"]


def test_metadata_is_written_once(written: Callable[..., Path]) -> None:
    model = written("image", PETS)
    before = model.read_bytes()
    with pytest.raises(ValueError, match="TFLITE_METADATA already"):
        metadata.write(model, ModelMetadata(name="n"), "serving_default")
    assert model.read_bytes() == before


def test_only_a_model_gets_metadata(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(bytes(64))
    with pytest.raises(ValueError, match=r"model.tflite is no TensorFlow Lite file"):
        metadata.write(tmp_path / "model.tflite", ModelMetadata(name="n"), "serving_default")
