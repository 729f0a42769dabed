"""What the converting child finds wrong, in this process: TensorFlow is imported once."""

import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_converter.artifact import flatbuffer
from tflite_converter.convert import finish, tf_converter
from tflite_converter.convert.child import convert_model
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.convert.tf_converter import ConverterSettings
from tflite_converter.core import hub_cache
from tflite_converter.core.failure import StepFailure
from tflite_converter.verify import litert
from tflite_converter.worker.reporter import Report

pytestmark = pytest.mark.tensorflow


def order(model: Path, tmp_path: Path, **changes: Any) -> ConversionOrder:
    for name in ("output", "scratch"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        (tmp_path / name).mkdir()
    return ConversionOrder.from_object(
        {
            "modelDir": str(model),
            "outputDir": str(tmp_path / "output"),
            "scratchDir": str(tmp_path / "scratch"),
            "quantization": {},
            "selectTf": False,
            "minSnrDecibels": 60,
            **changes,
        }
    )


def verdict(kind: str) -> Reason:
    """Return the verdict on an artifact that passed on generated inputs, on which some types are calibrated as well."""
    return Reason.REAL_DATA_NOT_SEEN if kind in {"Int8", "Int16x8"} else Reason.SNR_SUFFICIENT


def convert(model: Path, tmp_path: Path, **changes: Any) -> Any:
    return finish.measure(convert_model(order(model, tmp_path, **changes), lambda _: None))


@pytest.mark.parametrize(
    ("model", "changes", "reason", "words"),
    [
        ("dense", {"signature": {"key": "absent"}}, Reason.SIGNATURE_NOT_FOUND, ("absent", "serving_default")),
        (
            "dense",
            {"signature": {"inputs": [{"name": "z", "shape": [1]}]}},
            Reason.INPUT_NOT_FOUND,
            ("z", "x: float32"),
        ),
        (
            "dense",
            {"signature": {"inputs": [{"name": "x", "shape": [1]}]}},
            Reason.INPUT_SHAPE_MISMATCH,
            ("[-1, 64]", "[1]"),
        ),
        (
            "dense",
            {"signature": {"inputs": [{"name": "x", "shape": [1, 65]}]}},
            Reason.INPUT_SHAPE_MISMATCH,
            ("fixed at 64", "[1, 65]"),
        ),
        ("dense", {"tags": ["gpu"]}, Reason.TAGS_NOT_FOUND, ("[gpu]", "[serve]")),
        ("text", {}, Reason.INPUT_UNSUPPORTED, ("x: string",)),
        ("python", {}, Reason.UNSUPPORTED_OPERATION, ("EagerPyFunc",)),
        ("lacking", {}, Reason.UNSUPPORTED_OPERATION, ("Betainc",)),
        (
            "nan",
            {"quantization": {"type": "DynamicRange", "unquantizedUpTo": 0}},
            Reason.QUANTIZATION_NOT_APPLIED,
            ("int8", "quantization.unquantizedUpTo: 4"),
        ),
    ],
)
def test_bad_input_gets_a_reason_and_words_that_help(
    models: Path, tmp_path: Path, model: str, changes: dict[str, Any], reason: Reason, words: tuple[str, ...]
) -> None:
    with pytest.raises(StepFailure) as caught:
        convert(models / model, tmp_path, **changes)
    assert caught.value.reason is reason
    for word in words:
        assert word in caught.value.message
    assert not (tmp_path / "output" / "converted.json").exists()


def test_what_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"\xff" * 100)
    with pytest.raises(StepFailure, match=r"saved_model\.pb") as caught:
        convert(tmp_path / "model", tmp_path)
    assert caught.value.reason is Reason.MODEL_LOAD_FAILED


def test_missing_variables_are_a_failure_to_load(models: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_bytes((models / "dense" / "saved_model.pb").read_bytes())
    with pytest.raises(StepFailure) as caught:
        convert(tmp_path / "model", tmp_path)
    assert caught.value.reason is Reason.MODEL_LOAD_FAILED


@pytest.mark.parametrize(
    ("kind", "model", "size"),
    [("DynamicRange", "saturated", 4), ("WeightOnlyInt8", "index", 8192), ("WeightOnlyInt4", "index", 8192)],
)
def test_little_that_no_operation_takes_as_integers_stays_in_floats_and_that_is_said(
    models: Path, tmp_path: Path, kind: str, model: str, size: int
) -> None:
    """The table of `index` is only looked up, which weight-only types leave alone; `saturated` divides by a number."""
    asked = {"quantization": {"type": kind}, "minSnrDecibels": 60}
    converted = convert(models / model, tmp_path, **asked)
    assert (converted.verdict, converted.strategy) == (Reason.SNR_SUFFICIENT, "Plain+Unquantized")
    assert "nothing of it is quantized" in converted.message
    assert f"{size} bytes in floats" in converted.message
    less = {**asked, "quantization": {"type": kind, "unquantizedUpTo": str(size - 1)}}
    with pytest.raises(StepFailure, match=rf"accept it in floats with quantization\.unquantizedUpTo: {size}") as caught:
        convert(models / model, tmp_path, **less)
    assert caught.value.reason is Reason.QUANTIZATION_NOT_APPLIED


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        ("random", Reason.NON_DETERMINISTIC),
        ("chance", Reason.NON_DETERMINISTIC),
        ("drifting", Reason.STATEFUL),
        ("nan", Reason.NON_FINITE),
    ],
)
def test_a_model_that_cannot_be_compared_is_not_called_verified(
    models: Path, tmp_path: Path, model: str, verdict: Reason
) -> None:
    converted = convert(models / model, tmp_path)
    assert (converted.verdict, converted.verification) == (verdict, None)


def test_an_artifact_that_could_ignore_its_inputs_is_not_called_verified(models: Path, tmp_path: Path) -> None:
    converted = convert(models / "constant", tmp_path)
    assert (converted.verdict, converted.verification.snr_decibels) == (Reason.INSENSITIVE, "inf")
    assert "verification.samples" in converted.message


def test_a_model_that_is_saturated_by_the_usual_inputs_is_measured_on_smaller_ones(
    models: Path, tmp_path: Path
) -> None:
    converted = convert(models / "saturated", tmp_path)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert "0.1 times the usual size" in converted.message


def test_indices_stay_inside_their_table(models: Path, tmp_path: Path) -> None:
    assert convert(models / "index", tmp_path).verdict is Reason.SNR_SUFFICIENT


def test_the_direct_way_gives_the_same_graph_as_the_public_one(models: Path, tmp_path: Path) -> None:
    for kind in ("None", "DynamicRange"):
        settings = ConverterSettings(("serving_default",), Quantization.from_object({"type": kind}))
        direct = tf_converter._directly(models / "dense", tf_converter._graph(models / "dense"), settings)
        public = tf_converter._publicly(models / "dense", settings)
        assert direct is not None, "this TensorFlow is not known inside"
        files = tmp_path / "direct", tmp_path / "public"
        for path, content in zip(files, (direct, public), strict=True):
            path.write_bytes(content)
        assert flatbuffer.read(files[0]) == flatbuffer.read(files[1])
        outputs = [list(litert.run(path, "serving_default", [sample()])) for path in files]
        assert (outputs[0][0]["y"] == outputs[1][0]["y"]).all()


def sample() -> dict[str, Any]:
    import numpy as np

    return {"x": np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64)}


def test_a_file_whose_weights_are_lost_is_seen(tmp_path: Path) -> None:
    """A Keras 3 model, saved as it is: what the converter makes of it has no weights, and says nothing."""
    import tensorflow as tf

    model = tf.keras.Sequential([tf.keras.layers.Input((8,)), tf.keras.layers.Dense(4)])
    tf.saved_model.save(model, str(tmp_path / "model"))
    (tmp_path / "lost.tflite").write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "model")).convert())
    assert flatbuffer.read(tmp_path / "lost.tflite").lost_weights
    assert convert(tmp_path / "model", tmp_path).verdict is Reason.SNR_SUFFICIENT


def test_an_artifact_that_is_another_than_the_converter_gave_is_not_measured(models: Path, tmp_path: Path) -> None:
    left = convert_model(order(models / "dense", tmp_path), lambda _: None)
    artifact = tmp_path / "output" / "model.tflite"
    artifact.write_bytes(artifact.read_bytes() + b"more")
    with pytest.raises(StepFailure, match="but the conversion gave") as caught:
        finish.measure(left)
    assert caught.value.reason is Reason.ARTIFACT_REFUSED
    assert not (tmp_path / "output" / "converted.json").exists()


def test_an_artifact_that_changes_while_it_is_measured_is_refused(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = convert_model(order(models / "dense", tmp_path), lambda _: None)
    artifact = tmp_path / "output" / "model.tflite"
    compare = finish._compare

    def change(*given: Any) -> Any:
        verdict = compare(*given)
        artifact.write_bytes(artifact.read_bytes() + b"more")
        return verdict

    monkeypatch.setattr(finish, "_compare", change)
    with pytest.raises(StepFailure, match="but the conversion gave"):
        finish.measure(left)


def test_an_order_that_was_changed_on_its_way_is_not_followed(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = convert_model(order(models / "dense", tmp_path), lambda _: None)
    commands: list[list[str]] = []

    class ReplacedError(Exception):
        """The process is another one now."""

    def replace(_: str, command: list[str]) -> NoReturn:
        commands.append(command)
        raise ReplacedError

    monkeypatch.setattr("os.execv", replace)
    with os.fdopen(os.open(os.devnull, os.O_WRONLY), "wb") as sink, pytest.raises(ReplacedError):
        finish.exec_measurement(left, Report(sink.fileno()), tmp_path / "scratch")
    [command] = commands
    measuring = command[command.index("tflite_converter.convert.finish") :]
    monkeypatch.setattr("sys.argv", measuring)
    file = Path(measuring[2])
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"minSnrDecibels":60', b'"minSnrDecibels":0'))
    assert file.read_bytes() != content
    with pytest.raises(SystemExit, match="not what was ordered"):
        finish.main()


def test_a_model_of_the_hub_is_resolved_by_tensorflow_hub(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hub_cache.CACHE_VARIABLE, "")
    handle = "https://nowhere.invalid/dense/1"
    folder = hub_cache.folder_of(handle, tmp_path / "cache")
    shutil.copytree(models / "dense", folder)
    assert convert(folder, tmp_path, hubHandle=handle).verdict is Reason.SNR_SUFFICIENT
    with pytest.raises(OSError, match="does not find"):
        convert(folder, tmp_path, hubHandle=f"{handle}0")
