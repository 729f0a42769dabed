"""What LiteRT's reference kernels make of a converted model is told with its verdict, and decides nothing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_api.steps.step import ConvertedModel
from tflite_converter.core.step_files import CONVERTED_FILE, read_model
from tflite_converter.verify import litert

pytestmark = pytest.mark.tensorflow


def test_the_runtime_is_named_and_its_reference_kernels_stand_beside_it(models: Path, tmp_path: Path) -> None:
    converted = convert(models / "dense", tmp_path)
    measured = converted.verification
    assert measured.runtime.startswith("LiteRT ")
    assert measured.runtime.endswith(" with XNNPACK")
    assert float(measured.reference_kernels.snr_decibels) > 60
    assert float(measured.reference_kernels.runtime_snr_decibels) > 60
    assert "reference kernels" not in converted.message


def test_what_other_kernels_compute_is_said_and_the_artifact_is_kept(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = litert.run_in_turn

    def another(*arguments: Any, by_reference_kernels: bool = False) -> Iterator[dict[str, Any]]:
        for outputs in usual(*arguments, by_reference_kernels=by_reference_kernels):
            yield {name: value * (0.9 if by_reference_kernels else 1) for name, value in outputs.items()}

    monkeypatch.setattr(litert, "run_in_turn", another)
    converted = convert(models / "dense", tmp_path)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert f"{converted.verification.runtime} gives" in converted.message
    assert "and its reference kernels 20.0 dB" in converted.message
    assert converted.verification.reference_kernels.snr_decibels == "20.0"
    assert read_model(tmp_path / "output" / CONVERTED_FILE, ConvertedModel) == converted


def test_a_kernel_that_crashes_costs_nothing_but_its_figure(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = litert.run_in_turn

    def crashing(*arguments: Any, by_reference_kernels: bool = False) -> Iterator[dict[str, Any]]:
        if by_reference_kernels:
            # pytest's own handler would print a traceback.
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGSEGV)
        yield from usual(*arguments)

    monkeypatch.setattr(litert, "run_in_turn", crashing)
    converted = convert(models / "dense", tmp_path)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert "LiteRT's reference kernels do not run it: they crash (Segmentation fault)" in converted.message
    assert converted.verification.reference_kernels is None
