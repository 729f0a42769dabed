"""How results look to a person."""

import io
import json
import re
from typing import Any, Final

import pytest
from rich.console import Console

from tests import report_pages
from tflite_api.reasons import Reason
from tflite_api.resource.status import Benchmark, MeasuredError, SampleSource, Trial
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


ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TRIALS: list[dict[str, Any]] = [
    {"type": "WeightOnlyInt4", "outcome": "Missed", "sizeBytes": 900, "snrDecibels": "18.1"},
    {"type": "Int8", "outcome": "Failed", "reason": "ConversionCrashed"},
    {"type": "Int8", "keptLayers": 2, "keepFloat": {"operations": ["SOFTMAX"], "tensors": ["a"]}, "outcome": "Held"},
    {"type": "WeightOnlyInt4", "keptLayers": 3, "outcome": "NotSmaller", "sizeBytes": 2048},
    {"type": "DynamicRange", "outcome": "Held", "latencyMilliseconds": "1.5000", "relativeLatency": "0.8000"},
    {"type": "Float16", "outcome": "OverBudget", "latencyMilliseconds": "2.5000"},
]


def test_trials_are_shown_as_a_table_that_grows() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    with terminal.TerminalProgress(console) as progress:
        progress.phase("Reading the model's files")
        for number, given in enumerate(TRIALS):
            progress.phase(f"{number + 1}. Int8: Reading the model")
            progress.phase(f"{number + 1}. Int8: Converting")
            progress.tried(Trial.from_object(given))
        progress.phase("Gathering for the report")
    assert isinstance(console.file, io.StringIO)
    lines = [ANSI.sub("", line).strip() for line in re.split(r"[\r\n]", console.file.getvalue())]
    kept = [line for line in lines if line and not line.startswith(("⠋", "⠙", "⠹", "⠸", "⠼"))]
    # The rows of the table stand together; of the phases those are kept that belong to no trial.
    assert re.fullmatch(r" *\d\.\d s  Reading the model's files", kept[0])
    assert [line.partition(" ")[0] for line in kept[1:-1]] == ["quantization", *(one["type"] for one in TRIALS)]
    assert "Gathering for the report" in kept[-1]
    assert "quantization                              size        SNR         outcome" in console.file.getvalue()
    shown = console.file.getvalue()
    assert "WeightOnlyInt4                            900 B       18.1 dB     misses a gate" in shown
    assert "Int8 with SOFTMAX and 1 layer in floats                           holds" in shown
    assert "failed (ConversionCrashed)" in shown
    assert "WeightOnlyInt4 with 3 layers kept         2.0 KiB                 no smaller" in shown
    assert "holds, 1.5000 ms, 0.8000 times floats" in shown
    assert "over the budget, 2.5000 ms" in shown
    assert shown.count("quantization") == 1


def test_a_long_outcome_is_broken_in_its_own_column() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=90, color_system=None)
    metrics = [{"name": name, "artifact": "0.984", "drop": "0"} for name in ("Top1Accuracy", "TopKAccuracy")]
    with terminal.TerminalProgress(console) as progress:
        progress.tried(Trial.from_object({**TRIALS[0], "metrics": [*metrics, metrics[0]]}))
    assert isinstance(console.file, io.StringIO)
    first, second, *_ = console.file.getvalue().splitlines()[1:]
    assert first.rstrip().endswith("misses a gate,")
    assert second.startswith(" " * 64)
    shown = " ".join(console.file.getvalue().split())
    assert "misses a gate, Top1Accuracy 0.984, TopKAccuracy 0.984" in shown
    assert shown.count("Top1Accuracy") == 1


@pytest.mark.parametrize("width", [80, 100])
def test_no_word_of_the_table_is_cut_on_a_narrow_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    metrics = [{"name": "RootMeanSquaredError", "artifact": "1.1873", "drop": "0"}]
    with terminal.TerminalProgress(console) as progress:
        progress.tried(Trial.from_object({**TRIALS[3], "metrics": metrics}))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "…" not in shown
    assert all(word in shown for word in ("RootMeanSquaredError", "WeightOnlyInt4 with 3 layers", "1.1873"))


def test_a_summary_has_what_type_auto_chose_as_a_person_would_write_it() -> None:
    chosen = {"type": "WeightOnlyInt4", "keepInt8": {"tensors": ["a"]}}
    result = StepResult.from_object({"reason": "Converted", "message": "SNR 20.0 dB", "quantization": chosen})
    assert json.dumps(chosen) in terminal.summary("flowers", result, "out/model.tflite").plain


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


def summary(**figures: object) -> str:
    measured = Benchmark.from_object({"runtime": "LiteRT 2.3.0", **figures})
    result = StepResult(reason=Reason.CONVERTED, message="SNR 20.0 dB", benchmark=measured)
    return terminal.summary("flowers", result, "out/model.tflite").plain


def test_a_summary_has_what_the_artifact_takes_as_it_runs() -> None:
    timed = {"p50Milliseconds": "1.25", "p90Milliseconds": "1.5", "runs": 50, "threads": 2}
    assert "latency    p50 1.25 ms, p90 1.5 ms (50 runs, 2 threads, LiteRT 2.3.0)" in summary(**timed)
    told = summary(**timed | {"threads": 1, "relativeLatency": "0.5", "signature": "encode"})
    assert "p90 1.5 ms, 0.5 times floats (50 runs, 1 thread, signature encode, LiteRT 2.3.0)" in told
    assert "memory" not in told
    told = summary(arenaBytes=2048)
    assert "memory     2.0 KiB for all tensors that are no constants" in told
    assert "latency" not in told


def test_a_summary_names_the_runtime_with_what_its_reference_kernels_give() -> None:
    measured = {"snrDecibels": "21.0", "maxAbsoluteError": "0.1", "cosine": "0.99", "samples": 9, "source": "Generated"}
    kernels = {"snrDecibels": "12.0", "runtimeSNRDecibels": "22.0", "samples": 4}
    for told, row in (
        ({"runtime": "LiteRT 2.3.0"}, "runtime    LiteRT 2.3.0"),
        (
            {"runtime": "LiteRT 2.3.0", "referenceKernels": kernels},
            "runtime    LiteRT 2.3.0: 22.0 dB, its reference kernels 12.0 dB (4 of the samples)",
        ),
    ):
        result = {"reason": "Converted", "message": "m", "verification": measured | told}
        shown = terminal.summary("flowers", StepResult.from_object(result), "out/model.tflite").plain
        assert row in shown.splitlines()[-1]


def test_a_summary_says_in_which_operators_the_time_goes() -> None:
    slow = [{"name": "Convolution (NHWC, QC8) IGEMM", "share": "0.945"}, {"name": "SOFTMAX", "share": "0.021"}]
    shown = summary(p50Milliseconds="1", p90Milliseconds="2", runs=9, threads=1, operators=slow)
    assert "slowest    Convolution (NHWC, QC8) IGEMM 94 %, SOFTMAX 2 %" in shown
    assert "slowest" not in summary(p50Milliseconds="1", p90Milliseconds="2", runs=9, threads=1)
