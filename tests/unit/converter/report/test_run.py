"""`tflite-convert run --report` on real, small models: the figures on the page are those of the artifact."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.report_pages import HOSTILE
from tests.unit.converter import exported_models
from tests.unit.converter.report.test_page import Elements
from tflite_converter.artifact import inventory
from tflite_converter.cli.app import app

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("forked_children")]
SYNTHETIC = {"type": "Int8", "calibration": {"synthetic": True}}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report-models")
    exported_models.convolutional(folder / "convolutional")
    hostile_names(folder / "hostile")
    return folder


def hostile_names(folder: Path) -> None:
    """A signature whose key, inputs and outputs are HTML."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal([64, 32], seed=(1, 2)))
    call = tf.function(lambda **given: {f"y{HOSTILE}": tf.nn.relu(next(iter(given.values())) @ module.weights)})
    concrete = call.get_concrete_function(x=tf.TensorSpec([1, 64], tf.float32, name="x"))
    tf.saved_model.save(module, str(folder), signatures={HOSTILE: concrete})


def run(model: Path, output: Path, quantization: dict[str, Any], *flags: str) -> Result:
    output.parent.mkdir(parents=True, exist_ok=True)
    file = output.with_suffix(".yaml")
    spec = {"model": {"handle": model.as_uri()}, "quantization": quantization, "verification": {"minSNRDecibels": 0}}
    resource = {"apiVersion": "tflite-operator.dev/v1alpha1", "kind": "TFLiteConversion", "metadata": {"name": "test"}}
    file.write_text(json.dumps({**resource, "spec": spec}))
    with log_left_as_it_is():
        return CliRunner().invoke(app, ["run", "-f", str(file), "-o", str(output), *flags])


@contextmanager
def log_left_as_it_is() -> Iterator[None]:
    """Take back what the command line does to the log of its process, which is that of all tests here."""
    loggers = [logging.getLogger(name) for name in (None, "tflite_converter")]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    try:
        yield
    finally:
        for logger, handlers, level in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)


def test_a_report_leaves_the_artifact_as_it_is_and_shows_the_debuggers_figures(
    small: Path, tmp_path: Path, start_children: Callable[[], None]
) -> None:
    plain, told = tmp_path / "plain", tmp_path / "told"
    assert run(small / "convolutional", plain, SYNTHETIC).exit_code == 0
    start_children()
    done = run(small / "convolutional", told, SYNTHETIC, "--report")
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in plain.iterdir()} == {"model.tflite", "result.json"}
    assert (plain / "model.tflite").read_bytes() == (told / "model.tflite").read_bytes()
    result = json.loads((told / "result.json").read_text())
    assert result["artifact"]["reportURI"] == (told / "report.html").as_uri()
    text = Elements((told / "report.html").read_text()).text
    assert "quantization debugger, on" in text
    for operator, count in (("CONV_2D", 2), ("FULLY_CONNECTED", 2), ("MEAN", 1)):
        assert f"{operator} int8 {count}" in text
        assert text.count(f" {operator} ") == 1 + count
    assert f"{result['verification']['snrDecibels']} dB" in text
    # 3 * 3 * 3 * 16 + 3 * 3 * 16 * 32 + 32 * 64 + 64 * 10 weights and 16 + 32 + 64 + 10 biases of four bytes
    assert f"float32 {(432 + 4608 + 2048 + 640 + 122) * 4 / 1024:.1f} KiB in 8" in text
    kept = text.partition("tensors: - ")[2].split()[0]
    assert kept in artifact_names(told / "model.tflite")


def artifact_names(file: Path) -> set[str]:
    return {layer.name for layer in inventory.signature_graph(file.read_bytes(), "serving_default").layers}


def test_names_that_are_html_go_through_all_steps_as_text(small: Path, tmp_path: Path) -> None:
    done = run(small / "hostile", tmp_path / "out", SYNTHETIC, "--report")
    assert done.exit_code == 0, done.stderr
    page = (tmp_path / "out/report.html").read_text()
    elements = Elements(page)
    assert elements.tags & {"script", "img"} == set()
    assert f"Signature {HOSTILE}" in elements.text
    assert f"y{HOSTILE}" in elements.text


@pytest.mark.parametrize("kind", ["Float16", "Int16x8"])
def test_other_types_are_compared_side_by_side(small: Path, tmp_path: Path, kind: str) -> None:
    calibration = {"calibration": {"synthetic": True}} if kind == "Int16x8" else {}
    done = run(small / "convolutional", tmp_path / "out", {"type": kind, **calibration}, "--report")
    assert done.exit_code == 0, done.stderr
    text = Elements((tmp_path / "out/report.html").read_text()).text
    assert "Both files side by side" in text
    assert "All 5 layers, as they are computed" in text
    result = json.loads((tmp_path / "out/result.json").read_text())
    # The last layer is the output, so its ratio is that of the artifact, but for the samples beyond the first 16.
    last = text.partition("Layers to leave in floats")[0].split()[-1]
    assert result["verification"]["samples"] > 16
    assert float(last) == pytest.approx(float(result["verification"]["snrDecibels"]), abs=1)


def test_a_page_of_somebody_else_is_left_alone(small: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/report.html").write_text("mine")
    done = run(small / "convolutional", tmp_path / "out", {"type": "Float16"}, "--report")
    assert done.exit_code == 3
    assert "DestinationConflict" in done.stdout
    assert (tmp_path / "out/report.html").read_text() == "mine"
