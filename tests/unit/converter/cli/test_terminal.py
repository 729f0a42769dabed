"""How results look to a person."""

import pytest

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
