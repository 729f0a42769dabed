"""Whatever goes wrong with a report, the artifact is there, and it is said why it has no report page."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_api.steps.step import ConvertedModel
from tflite_converter.convert import finish, report_material
from tflite_converter.core.step_files import read_model
from tflite_converter.report import measurement

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    "place", [(report_material, "gather"), (measurement, "measure"), (finish, "_gather_for_report")]
)
@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), RuntimeError("\x1b[2J")])
def test_an_exception_costs_the_report_alone(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], error: Exception
) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(*place, failing)
    converted = convert(models / "dense", tmp_path, report=True)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert type(error).__name__ in converted.report_problem
    assert converted.report_problem.isprintable()
    assert read_model(tmp_path / "output/converted.json", ConvertedModel) == converted
    assert hashlib.sha256((tmp_path / "output/model.tflite").read_bytes()).hexdigest() == converted.sha256
    assert not (tmp_path / "output/report.json").exists()


def test_a_report_that_comes_about_has_no_problem(models: Path, tmp_path: Path) -> None:
    assert convert(models / "dense", tmp_path, report=True).report_problem is None
    assert (tmp_path / "output/report.json").exists()


CRASH = "import ctypes; ctypes.string_at(0)"
OF_CONVERTER = f"""
import sys
from pathlib import Path
from tflite_converter.convert import report_material, tf_converter
def crash(*_): {CRASH}
tf_converter.convert = crash
order = report_material.MaterialOrder.model_validate_json(Path(sys.argv[1]).read_bytes())
report_material.make(order, Path(sys.argv[2]))
"""


def end_in(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tflite_converter.worker.process.command", lambda _: [sys.executable, "-c", code])


def test_a_crash_of_the_converter_costs_the_comparison_of_layers_alone(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_in(OF_CONVERTER, monkeypatch)
    converted = convert(models / "dense", tmp_path, report=True, quantization={"type": "Float16"}, minSnrDecibels=35)
    assert (converted.verdict, converted.report_problem) == (Reason.SNR_SUFFICIENT, None)
    shown = json.loads((tmp_path / "output/report.json").read_text())
    assert shown["modelSizes"][0]["dtype"] == "float32"
    assert "TensorFlow's process ended with -11" in shown["layersAbsent"]


def test_a_crash_before_anything_is_there_costs_the_page_alone(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_in(CRASH, monkeypatch)
    converted = convert(models / "dense", tmp_path, report=True)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert "TensorFlow's process ended with -11" in converted.report_problem
