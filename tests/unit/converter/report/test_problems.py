"""Whatever goes wrong with a report, the artifact is there, and it is said why it has no report page."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_api.step import ConvertedModel
from tflite_converter.convert import finish
from tflite_converter.core.step_files import read_model
from tflite_converter.model import size
from tflite_converter.report import measurement

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("place", [(size, "by_type"), (measurement, "measure"), (finish, "_gather_for_report")])
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
