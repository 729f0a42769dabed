"""What convert may hand over for the page is bounded in every direction."""

from typing import Any

import pytest
from pydantic import ValidationError

from tflite_api.steps import report
from tflite_api.steps.report import BINS, DATA_BYTES, ReportData

DECIMAL = "-1.234e+100"
LAYER: dict[str, Any] = {"name": "n" * 256, "operator": "o" * 256, "snrDecibels": DECIMAL, "errorInSteps": DECIMAL}
SAMPLE: dict[str, Any] = {
    "number": 2**63 - 1, "snrDecibels": DECIMAL, "maxAbsoluteError": DECIMAL, "position": [2**63 - 1] * 16,
    "expected": DECIMAL, "found": DECIMAL,
}  # fmt: skip
OUTPUT: dict[str, Any] = {
    "name": "n" * 256, "elements": 2**63 - 1, "meanError": DECIMAL, "medianError": DECIMAL, "p99Error": DECIMAL,
    "maxAbsoluteError": DECIMAL, "counts": [2**63 - 1] * BINS, "worst": [SAMPLE] * report.WORST_SAMPLES,
}  # fmt: skip
SIZE: dict[str, Any] = {"dtype": "d" * 32, "tensors": 2**63 - 1, "sizeBytes": 2**63 - 1}
LARGEST: dict[str, Any] = {
    "modelSizes": [SIZE] * report.SHOWN_TYPES,
    "artifactSizes": [SIZE] * report.SHOWN_TYPES,
    "operators": [{"name": "n" * 256, "types": "t" * 256, "count": 1}] * report.SHOWN_OPERATORS,
    "outputs": [OUTPUT] * report.SHOWN_OUTPUTS,
    "layers": {
        "method": "Debugger",
        "samples": 1,
        "layers": [LAYER] * report.SHOWN_LAYERS,
        "note": "n" * report.SENTENCE_CHARACTERS,
        "trial": {"tensors": ["n" * 2048] * report.SUSPECTS, "snrBefore": "1", "snrAfter": "2", "sizeBytes": 1},
    },
}


def test_the_largest_data_fit_into_the_file_that_publish_reads() -> None:
    largest = ReportData.from_object(LARGEST)
    assert len(largest.model_dump_json(by_alias=True)) < DATA_BYTES
    # The characters of a name may take four bytes each, and so six in JSON where they are escaped.
    assert len(largest.model_dump_json(by_alias=True)) * 2 < DATA_BYTES


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("modelSizes", [SIZE] * (report.SHOWN_TYPES + 1)),
        ("modelSizes", [SIZE | {"dtype": "d" * 33}]),
        ("artifactSizes", [SIZE | {"sizeBytes": -1}]),
        ("artifactSizes", [SIZE | {"sizeBytes": 2**63}]),
        ("operators", [{"name": "n" * 257, "types": "", "count": 1}]),
        ("operators", [{"name": "\x1b[2J", "types": "", "count": 1}]),
        ("operators", [{"name": "\u202e", "types": "", "count": 1}]),
        ("outputs", [OUTPUT] * (report.SHOWN_OUTPUTS + 1)),
        ("outputs", [OUTPUT | {"counts": [1] * (BINS - 1)}]),
        ("outputs", [OUTPUT | {"meanError": "<b>"}]),
        ("outputs", [OUTPUT | {"worst": [SAMPLE] * 6}]),
        ("outputs", [OUTPUT | {"worst": [SAMPLE | {"position": [1] * 17}]}]),
        ("layers", LARGEST["layers"] | {"layers": [LAYER] * (report.SHOWN_LAYERS + 1)}),
        ("layers", LARGEST["layers"] | {"note": "n" * 601}),
        ("layers", LARGEST["layers"] | {"method": "Guessed"}),
        ("layersAbsent", "two\nlines"),
        ("html", "<b>"),
    ],
)
def test_what_is_out_of_bounds_is_refused(part: str, change: object) -> None:
    with pytest.raises(ValidationError):
        ReportData.from_object({**LARGEST, part: change})
