"""What LiteRT's reference kernels make of an artifact is said beside the rest, and never costs the rest."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import KEY, dense
from tflite_api.resource.status import ReferenceKernels
from tflite_converter.core.tensors import Outputs
from tflite_converter.verify import comparison, litert, reference_kernels
from tflite_converter.verify.kernels import CannotRun
from tflite_converter.verify.measurement import Measurement
from tflite_converter.verify.reference import Reference
from tflite_converter.verify.reference_kernels import Found

GENERATOR = np.random.default_rng(3)
RUNTIME = "LiteRT 2.3.0 with XNNPACK"


@dataclass
class Case:
    artifact: Path
    keys: list[str]
    references: Sequence[Reference]
    measured: Measurement

    def found(self) -> Found:
        return reference_kernels.compare(self.artifact, self.keys, self.references, self.measured)


def reference_of(given: Sequence[Any], outputs: Sequence[Outputs | None], **changes: Any) -> Reference:
    facts = {"repeats": True, "assigns_state": False, "responds": True, **changes}
    return Reference(tuple({"x": each} for each in given), tuple(outputs), "Verification", **facts)


def noisy(value: Any, share: float = 0.1) -> Any:
    """Return it with an error of 20 dB, or of another share of it."""
    return (value * (1 + share * np.where(np.arange(value.size).reshape(value.shape) % 2, 1, -1))).astype(np.float32)


def case_of(artifact: Path, references: Sequence[Reference]) -> Case:
    keys, measured = [KEY] * len(references), Measurement()
    used = comparison.measure(artifact, keys, references, measured)
    return Case(artifact, keys, used, measured)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(dense(1))
    return path


@pytest.fixture
def case(artifact: Path) -> Case:
    given = [GENERATOR.normal(size=[1, 64]).astype(np.float32) for _ in range(6)]
    found = litert.run(artifact, KEY, [{"x": each} for each in given])
    outputs = [{"y": noisy(each["y"], 0.1 / (1 + number))} for number, each in enumerate(found)]
    return case_of(artifact, [reference_of(given, outputs)])


def kernels_that(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], after: int = 0) -> None:
    """Have the reference kernels do this in their process, after some samples."""
    usual = litert.run_in_turn

    def broken(artifact: Path, calls: Any, *, by_reference_kernels: bool = False) -> Iterator[dict[str, Any]]:
        for number, outputs in enumerate(usual(artifact, calls, by_reference_kernels=by_reference_kernels)):
            if by_reference_kernels and number == after:
                work()
            yield outputs

    monkeypatch.setattr(litert, "run_in_turn", broken)


def test_both_are_measured_on_the_first_samples(case: Case) -> None:
    figures = case.found().figures
    assert figures is not None
    assert figures.samples == 4
    assert figures.snr_decibels == figures.runtime_snr_decibels
    assert 20 < float(figures.snr_decibels) < 33


def test_it_is_the_reference_kernels_that_run(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ai_edge_litert import interpreter

    usual = interpreter.Interpreter

    def noted(*arguments: Any, **options: Any) -> Any:
        (tmp_path / "asked").write_text(options["experimental_op_resolver_type"].name)
        return usual(*arguments, **options)

    monkeypatch.setattr(interpreter, "Interpreter", noted)
    case.found()
    assert (tmp_path / "asked").read_text() == "BUILTIN_REF"


def test_samples_without_an_answer_of_the_model_are_left_out(artifact: Path) -> None:
    given = [GENERATOR.normal(size=[1, 64]).astype(np.float32) for _ in range(6)]
    right = [{"y": found["y"]} for found in litert.run(artifact, KEY, [{"x": each} for each in given])]
    # What comes after the first sample with an answer is 20 dB off: the places have to be those of the same samples.
    outputs = [None, right[1], None, {"y": noisy(right[3]["y"])}, *right[4:]]
    figures = case_of(artifact, [reference_of(given, outputs)]).found().figures
    assert figures is not None
    assert figures.samples == 2
    assert figures.snr_decibels == figures.runtime_snr_decibels


@pytest.mark.parametrize("in_sequence", [False, True])
def test_of_several_signatures_each_has_its_samples(artifact: Path, in_sequence: bool) -> None:
    given = [GENERATOR.normal(size=[1, 64]).astype(np.float32) for _ in range(6)]
    right = [{"y": found["y"]} for found in litert.run(artifact, KEY, [{"x": each} for each in given])]
    wrong = [{"y": noisy(output["y"])} for output in right]
    # Without an answer of the model to its last sample the first has one comparison less.
    references = [reference_of(given, outputs, in_sequence=in_sequence) for outputs in ([*right[:5], None], wrong)]
    measured = Measurement()
    keys = [KEY, KEY]
    used = comparison.measure(artifact, keys, references, measured)
    figures = reference_kernels.compare(artifact, keys, used, measured).figures
    assert figures is not None
    assert figures.samples == 8
    assert figures.snr_decibels == figures.runtime_snr_decibels


def test_a_crash_is_said_and_costs_nothing_else(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> None:
        # pytest's own handler would print a traceback.
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)

    kernels_that(monkeypatch, crash, after=1)
    found = case.found()
    assert found == Found(problem="they crash (Segmentation fault)")
    assert "Segmentation fault" in found.remark(RUNTIME, 10)[0]


def test_an_operator_that_they_lack_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise CannotRun("Node number 3 (FFT) failed to prepare.", "x [1, 64]")

    kernels_that(monkeypatch, refuse)
    problem = "Node number 3 (FFT) failed to prepare."
    assert case.found() == Found(problem=problem)
    assert case.found().remark(RUNTIME, 10) == (f"LiteRT's reference kernels do not run it: {problem}",)


def test_what_is_no_number_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = litert.run_in_turn

    def infinite(*arguments: Any, **options: Any) -> Iterator[dict[str, Any]]:
        for outputs in usual(*arguments, **options):
            yield {name: value * np.inf for name, value in outputs.items()}

    monkeypatch.setattr(litert, "run_in_turn", infinite)
    assert "infinities or NaN" in (case.found().problem or "")


def test_an_unexpected_exception_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels_that(monkeypatch, lambda: 1 / 0)
    assert case.found() == Found(problem="ZeroDivisionError: division by zero")


def busy() -> None:
    while True:
        sum(range(1000))


@pytest.mark.parametrize(("work", "patience"), [(busy, 60.0), (lambda: time.sleep(60), 2.0)])
def test_what_takes_long_ends_with_the_figures_that_there_are(
    case: Case, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None], patience: float
) -> None:
    monkeypatch.setattr(reference_kernels, "_PATIENCE_SECONDS", patience)
    kernels_that(monkeypatch, work, after=2)
    started = time.monotonic()
    found = case.found()
    assert time.monotonic() - started < 30
    assert found.problem is None
    assert found.figures is not None
    assert found.figures.samples == 2
    assert found.figures.snr_decibels == found.figures.runtime_snr_decibels


def test_where_nothing_was_done_in_time_nothing_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels_that(monkeypatch, busy)
    assert case.found() == Found()
    assert Found().remark(RUNTIME, 10) == ()


def test_where_no_process_can_be_started_nothing_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    assert case.found() == Found()


def test_where_nothing_was_compared_nothing_is_run(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise AssertionError

    monkeypatch.setattr(os, "fork", refuse)
    given = [np.zeros([1, 64], np.float32)]
    assert Case(artifact, [KEY], [reference_of(given, [{"y": given[0]}])], Measurement()).found() == Found()


def test_places_of_the_largest_are_no_figure(case: Case) -> None:
    case.measured.choosing = ("ARG_MAX",)
    for part in (case.measured.whole, *case.measured.parts):
        part.outputs["y"].is_whole = True
    assert case.found() == Found()


@pytest.mark.parametrize(
    ("runtime", "theirs", "gate", "is_said"),
    [
        ("34.0", "31.1", 10, False),
        ("34.0", "31.0", 10, True),
        ("31.0", "34.0", 10, True),
        ("60.0", "40.0", 10, False),
        ("60.0", "39.9", 10, True),
        ("90.0", "62.9", 60, True),
        ("90.0", "63.0", 60, False),
        ("inf", "39.0", 0, True),
        ("inf", "inf", 60, False),
        ("-inf", "-inf", 0, False),
    ],
)
def test_a_difference_is_said_where_it_matters(runtime: str, theirs: str, gate: int, is_said: bool) -> None:
    figures = ReferenceKernels(snr_decibels=theirs, runtime_snr_decibels=runtime, samples=4)
    remark = Found(figures).remark(RUNTIME, gate)
    words = (
        f"on 4 of the samples {RUNTIME} gives {runtime} dB and its reference kernels {theirs} dB, so devices with other"
        " kernels compute something else"
    )
    assert remark == ((words,) if is_said else ())
