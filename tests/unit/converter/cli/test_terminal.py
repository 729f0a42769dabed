"""How results look to a person."""

import pytest

from tests import report_pages
from tflite_api.reasons import Reason
from tflite_api.resource.status import MeasuredError, SampleSource
from tflite_api.steps.step import StepResult
from tflite_converter.cli import terminal


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Generated", "4 generated samples"),
        ("Calibration", "4 calibration samples"),
        ("Verification", "4 verification"),
    ],
)
def test_a_summary_says_which_samples_the_accuracy_was_measured_on(source: SampleSource, words: str) -> None:
    measured = MeasuredError(snr_decibels="20.0", max_absolute_error="0.1", cosine="0.9", samples=4, source=source)
    result = StepResult(reason=Reason.CONVERTED, message="SNR 20.0 dB", verification=measured)
    assert words in terminal.summary("flowers", result, "out/model.tflite").plain


def test_a_summary_has_the_metrics_of_model_and_artifact() -> None:
    shown = terminal.summary("flowers", report_pages.result(), "out/model.tflite").plain
    assert "TopKAccuracy (k 5) of logits: 0.706 [0.695 to 0.717], model 0.712" in shown


def test_a_summary_has_what_runs_on_each_target() -> None:
    left = [{"name": "QUANTIZE", "count": 2, "why": "floats"}]
    npu = {"name": "EthosU", "config": "ethos-u55-128", "tool": "t", "operators": 9, "onTarget": 7, "elsewhere": left}
    micro = {"name": "Microcontroller", "tool": "t", "operators": 4, "onTarget": 4}
    found = [
        {**npu, "sramBytes": 512, "cycles": 99, "compiled": True, "truncated": True},
        {**micro, "arenaBytes": 1024, "snrDecibels": "40.0"},
    ]
    result = StepResult.from_object({"reason": "TargetUnmet", "message": "m", "targets": found})
    shown = terminal.summary("flowers", result, "out/model.tflite").plain
    assert (
        "target     EthosU (ethos-u55-128): 7 of 9 operators; elsewhere 2 QUANTIZE and others; 512 bytes of SRAM;"
        " 99 cycles; compiled for it"
    ) in shown
    assert "Microcontroller: 4 of 4 operators; 1024 bytes of arena; 40.0 dB against LiteRT" in shown
