"""Report pages that tests look at: one of a usual conversion, one whose every name is hostile."""

from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.report import BINS, SUSPECTS, ReportData
from tflite_api.steps.step import StepResult
from tflite_converter.report import page

HOSTILE: Final = (
    "</style></title><script>document.title='owned'</script>"
    """<img src="http://evil.example/x" onerror='document.title="owned"'>"""
)
LONG: Final = "a_name_without_any_place_to_break_" * 7
USUAL: Final = "model/block_12/Relu;model/block_12/conv/convolution"


def spec(**changes: Any) -> ConversionSpec:
    """Return a spec that asks for a report."""
    return ConversionSpec.from_object(
        {
            "model": {"handle": "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5"},
            "signature": {"inputs": [{"name": "inputs", "shape": [1, 224, 224, 3]}]},
            "quantization": {"type": "Int8", "calibration": {"dataset": "s3://datasets/imagenet-calibration.npz"}},
            "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s3"}}},
            "verification": {
                "samples": {"dataset": "s3://datasets/imagenet-test.npz"},
                "metrics": [
                    {
                        "name": "TopKAccuracy",
                        "k": 5,
                        "output": "logits",
                        "labels": "label",
                        "min": "0.7",
                        "maxDrop": "0.01",
                    }
                ],
            },
            "report": True,
        }
        | changes
    )


def data(name: str = USUAL, count: int = 40, **changes: Any) -> ReportData:
    """Return measured data in which every name is this one."""
    kind, operator = ("int16", "ADD") if name == USUAL else (name[:32], name)
    counts = [max(0, 20 - number) ** 4 for number in range(-(BINS // 2), BINS // 2 + 1) if number >= 0]
    counts = [*reversed(counts[1:]), *counts]
    sample = {
        "number": 7, "snrDecibels": "21.4", "maxAbsoluteError": "0.1312", "position": [0, 281], "expected": "0.8711",
        "found": "0.7399",
    }  # fmt: skip
    content: dict[str, Any] = {
        "modelSizes": [{"dtype": "float32", "tensors": 264, "sizeBytes": 14_000_000}],
        "artifactSizes": [
            {"dtype": "int8", "tensors": 104, "sizeBytes": 3_490_000},
            {"dtype": "int32", "tensors": 60, "sizeBytes": 71_000},
            {"dtype": kind, "tensors": 1, "sizeBytes": 40_000},
        ],
        "operators": [
            {"name": operator, "types": kind, "count": 36},
            {"name": "CONV_2D", "types": "int8", "count": 35},
        ],
        "outputs": [
            {
                "name": name, "elements": 100_100, "meanError": "-0.0001", "medianError": "0.0004",
                "p99Error": "0.0113", "maxAbsoluteError": "0.1312", "counts": counts, "worst": [sample] * 5,
            }
        ],
        "source": "Calibration",
        "layers": {
            "method": "Debugger",
            "samples": 32,
            "note": None if name == USUAL else name,
            "layers": [
                {
                    "name": f"{name}{number}"[-256:], "operator": "CONV_2D",
                    "snrDecibels": f"{14 + number}.2", "errorInSteps": "1.21" if number < 3 else "0.31",
                }
                for number in range(count)
            ],
            "trial": {
                "tensors": [f"{name}{number}"[-256:] for number in range(min(3, SUSPECTS))],
                "snrBefore": "21.9", "snrAfter": "27.3", "sizeBytes": 4_800_000,
            },
        },
    }  # fmt: skip
    return ReportData.from_object(content | changes)


def metric(output: str) -> dict[str, Any]:
    """Return what was measured on labels for an output."""
    figures = {
        "model": ("0.712", "0.701", "0.723"),
        "artifact": ("0.706", "0.695", "0.717"),
        "drop": ("0.006", "-0.001", "0.012"),
    }
    shown = {name: dict(zip(("value", "low", "high"), values, strict=True)) for name, values in figures.items()}
    return {"name": "TopKAccuracy", "output": output, "k": 5, "samples": 5000, **shown}


def result(name: str = "logits") -> StepResult:
    """Return a step's result in which every name is this one."""
    tensor = {"name": name, "dtype": "float32", "shape": [1, 224, 224, 3]}
    measured = {"snrDecibels": "21.9", "maxAbsoluteError": "0.131", "cosine": "0.9968"}
    return StepResult.from_object(
        {
            "reason": "Converted",
            "message": f"SNR 21.9 dB (output {name}), 10 dB asked",
            "verdict": Reason.SNR_SUFFICIENT.value,
            "artifact": {
                "uri": "s3://models/a.tflite",
                "sha256": "5d41402abc4b2a76b9719d911017c592" * 2,
                "sizeBytes": 3_612_344,
                "reportURI": "s3://models/a.tflite.report.html",
            },
            "signature": {"key": name, "inputs": [tensor], "outputs": [tensor]},
            "verification": {
                **measured,
                "samples": 100,
                "source": "Calibration",
                "runtime": "LiteRT 2.3.0 with XNNPACK",
                "referenceKernels": {"snrDecibels": "14.2", "runtimeSNRDecibels": "22.4", "samples": 4},
                "metrics": [metric(name)],
                "outputs": [{"name": name, **measured, "top1Agreement": "0.97"}],
            },
            "provenance": {
                "modelDigest": f"sha256:{'1' * 64}",
                "recipeHash": "2" * 64,
                "tensorflow": "2.21.0",
                "strategy": "Plain",
                "calibration": {"source": "Dataset", "samples": 100, "digest": f"sha256:{'3' * 64}"},
            },
        }
    )


def searched() -> str:
    """Return the page of a conversion of type Auto, whose trials were timed."""
    trial = {"type": "WeightOnlyInt4", "latencyMilliseconds": "0.4512"}
    metrics = [{"name": "Top1Accuracy", "artifact": "0.951", "drop": "0.021"}]
    trials = [
        {**trial, "outcome": "Missed", "sizeBytes": 16_440, "snrDecibels": "16.1", "metrics": metrics},
        {**trial, "type": "DynamicRange", "outcome": "Held", "sizeBytes": 19_112, "snrDecibels": "37.8"},
        {"type": "Float16", "outcome": "NotSmaller", "sizeBytes": 22_884},
        {"type": "Int8", "outcome": "Failed", "reason": "ConversionCrashed", "message": "it ended by SIGSEGV"},
        {**trial, "keptLayers": 1, "outcome": "Chosen", "sizeBytes": 17_080, "snrDecibels": "23.3"},
    ]
    chosen = {"type": "WeightOnlyInt4", "keepInt8": {"tensors": [USUAL, LONG]}}
    found = StepResult.from_object({**result().to_object(), "trials": trials, "quantization": chosen})
    asked = spec(quantization={"type": "Auto", "calibration": {"synthetic": True}})
    return page.render("team/mobilenet-v2-smallest", asked, found, data())


def usual() -> str:
    """Return the page of a usual conversion."""
    output = data().outputs[0].to_object() | {"name": "logits"}
    return page.render("team/mobilenet-v2-int8", spec(), result(), data(outputs=[output]))


def hostile() -> str:
    """Return a page whose every name tries to become part of it."""
    return page.render("team/a", spec(), result(HOSTILE), data(HOSTILE))


def long() -> str:
    """Return a page whose every name is as long as it may be and has no space."""
    return page.render("team/" + "a" * 60, spec(), result(LONG), data(LONG, 300))
