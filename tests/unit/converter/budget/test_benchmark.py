"""A benchmark tells what was asked for, and an artifact that is over its budget is refused with what would help."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import KEY, dense
from tflite_api.reasons import Reason
from tflite_api.resource.budget import Benchmarking, Budget
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import FIXED
from tflite_api.resource.status import Benchmark, SlowOperator
from tflite_converter.budget import arena, benchmark, latency, operators
from tflite_converter.budget.benchmark import Subject
from tflite_converter.budget.latency import Effort, Latency
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Sample

QUICK = Effort(warm_up_runs=1, warm_up_seconds=0, runs=5, seconds=0, most_runs=5, turn_runs=5)
ONES = {"x": np.ones([1, 64], np.float32)}
SYNTHETIC = {"calibration": {"synthetic": True}}
SLOWER = "Raise budget.maxLatencyMilliseconds or budget.threads, or convert a smaller model"
LARGER = "Raise budget.maxArenaBytes to 4096, pin smaller shapes in signature.inputs, or convert a smaller model"
SLOW = (SlowOperator(name="CONV_2D", share="0.900"),)
MEASURED = Benchmark(
    runtime="LiteRT 2.3.0 with XNNPACK",
    p50_milliseconds="9.0000",
    p90_milliseconds="12.5000",
    relative_latency="0.7500",
    threads=2,
    runs=50,
    arena_bytes=4096,
)


def budget(**asked: Any) -> Budget:
    return Budget.from_object(asked)


def never(*_: object) -> NoReturn:
    raise AssertionError("nobody asked for it")


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    for layers in (1, 2):
        (tmp_path / f"{layers}.tflite").write_bytes(dense(layers))
    return subject_of(tmp_path / "2.tflite", {KEY: ONES}, floats=lambda: tmp_path / "1.tflite")


def subject_of(artifact: Path, samples: Mapping[str, Sample], floats: Callable[[], Path] = never) -> Subject:
    return Subject(artifact=artifact, samples=samples, quantization=Quantization(), floats=floats, effort=QUICK)


def test_a_budget_of_memory_alone_times_nothing(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "side_by_side", never)
    found = benchmark.measure(subject, Benchmarking())
    assert found == Benchmark(runtime=found.runtime, arena_bytes=3 * 64 * 4)
    assert found.runtime.startswith("LiteRT ")


def test_what_is_timed_is_told_with_its_circumstances(subject: Subject) -> None:
    found = benchmark.measure(subject, Benchmarking(threads=2))
    assert (found.runs, found.threads, found.signature, found.relative_latency) == (5, 2, None, None)
    assert found.arena_bytes == 3 * 64 * 4
    assert found.runtime.endswith(" with XNNPACK")
    assert 0 <= float(found.p50_milliseconds or -1) <= float(found.p90_milliseconds or -1)


Files = dict[str, tuple[float, float]]


def timed(monkeypatch: pytest.MonkeyPatch, figures: dict[str, Files], *, beside_floats: bool = False) -> Benchmark:
    """Return the benchmark of signatures whose files take so many milliseconds (p50, p90)."""

    def side_by_side(files: list[Path], threads: int, key: str, *_: object) -> list[Latency]:
        return [Latency(*figures[key][file.name], runs=9, threads=threads) for file in files]

    monkeypatch.setattr(operators, "slowest", lambda *asked: SLOW if asked[2] == "slow" else None)
    monkeypatch.setattr(latency, "side_by_side", side_by_side)
    monkeypatch.setattr(arena, "arena_bytes", lambda *_: 1)
    samples = dict.fromkeys(figures, ONES)
    wanted = Benchmarking(threads=3, beside_floats=beside_floats)
    return benchmark.measure(subject_of(Path("a"), samples, lambda: Path("floats")), wanted)


def test_of_several_signatures_the_slowest_counts_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: dict[str, Files] = {"quick": {"a": (1, 2)}, "slow": {"a": (3, 9)}, "odd": {"a": (4, 5)}}
    found = timed(monkeypatch, figures)
    assert (found.signature, found.p50_milliseconds, found.p90_milliseconds) == ("slow", "3.0000", "9.0000")
    assert found.operators == SLOW


def test_the_ratio_is_that_of_the_medians_in_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found = timed(monkeypatch, {"only": {"a": (1, 8), "floats": (4, 5)}}, beside_floats=True)
    assert (found.relative_latency, found.signature) == ("0.2500", None)


def refused(measured: Benchmark = MEASURED, quantization: dict[str, Any] | None = None, **asked: Any) -> str:
    with pytest.raises(StepFailure) as caught:
        benchmark.hold(measured, budget(**asked), Quantization.from_object(quantization or {}))
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    return caught.value.message


@pytest.mark.parametrize(
    "asked",
    [
        {"threads": 1},
        {"maxLatencyMilliseconds": "12.5"},
        {"maxRelativeLatency": "0.75"},
        {"maxArenaBytes": 4096},
        {"maxSizeBytes": 1},
    ],
)
def test_what_keeps_within_its_budget_is_not_refused(asked: dict[str, Any]) -> None:
    benchmark.hold(MEASURED, budget(**asked), Quantization())


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        (
            {},
            f"Use quantization.type DynamicRange or Int8, which compute with 8-bit integers, or r{SLOWER[1:]}",
        ),
        (
            {"type": "Int8", **SYNTHETIC},
            SLOWER,
        ),
    ],
)
def test_a_slow_artifact_is_told_with_what_it_took_and_how_that_was_measured(kind: dict[str, Any], cure: str) -> None:
    assert refused(quantization=kind, maxLatencyMilliseconds="12.4") == (
        "The artifact takes 12.5000 ms for an inference (p90 of 50, p50 9.0000 ms, with 2 threads on this node), but"
        f" budget.maxLatencyMilliseconds allows 12.4. {cure}"
    )


def test_the_slowest_signature_is_named() -> None:
    slowest = MEASURED.model_copy(update={"signature": "encode", "threads": 1})
    words = refused(slowest, maxLatencyMilliseconds="1")
    assert words.startswith("Signature encode, its slowest, takes 12.5000 ms")
    assert "with 1 thread on" in words


def test_an_artifact_that_is_no_faster_than_floats_is_told_so() -> None:
    words = refused(quantization={"type": "DynamicRange"}, maxRelativeLatency="0.7")
    assert words == (
        "By the medians the artifact takes 0.7500 times as long as the same in floats (with 2 threads), but"
        " budget.maxRelativeLatency allows 0.7. Raise budget.maxRelativeLatency to 0.75, or use another"
        " quantization.type"
    )


@pytest.mark.parametrize(
    ("kind", "most", "cure"),
    [
        ({}, "2Ki", "Use quantization.type Int8 or Int16x8 (2.0 KiB at best), or raise budget.maxArenaBytes to 4096"),
        ({}, "1Ki", "Use quantization.type Int8 (1.0 KiB at best), or raise budget.maxArenaBytes to 4096"),
        (
            {"type": "Float16"},
            "1023",
            f"{LARGER}: quantization alone does not bring it there (1.0 KiB at best)",
        ),
        (
            {"type": "Int8", **SYNTHETIC},
            "1Ki",
            LARGER,
        ),
        (
            {"type": "Int16x8", **SYNTHETIC},
            "2Ki",
            "Use quantization.type Int8 (2.0 KiB at best), or raise budget.maxArenaBytes to 4096",
        ),
    ],
)
def test_the_cure_for_memory_names_what_can_bring_it_there_and_nothing_else(
    kind: dict[str, Any], most: str, cure: str
) -> None:
    assert refused(quantization=kind, maxArenaBytes=most).endswith(f". {cure}")


def test_all_that_is_over_is_told_at_once() -> None:
    words = refused(quantization={"type": "Float16"}, maxLatencyMilliseconds="1", maxRelativeLatency="0.1")
    found, _, cure = words.partition(". Use")
    assert "; by the medians the artifact takes" in found
    assert "; raise budget.maxRelativeLatency" in cure


def measured(subject: Subject, **asked: Any) -> Benchmark | None:
    limits = budget(**asked) if asked else None
    return benchmark.measured(subject, Benchmarking.of(limits, prefers_fast=False), limits)


def test_what_cannot_run_here_cannot_be_shown_to_keep_within_it(subject: Subject) -> None:
    of_a_device = replace(subject, select_tf=("Erf",))
    with pytest.raises(StepFailure) as caught:
        measured(of_a_device, maxLatencyMilliseconds="1", maxArenaBytes=1)
    failure = caught.value
    assert failure.is_final
    assert failure.reason is Reason.BUDGET_EXCEEDED
    assert "Flex delegate" in failure.message
    assert "it uses Erf), so that budget.maxLatencyMilliseconds, budget.maxArenaBytes cannot" in failure.message
    assert measured(of_a_device, threads=1) is None


def test_what_exceeds_its_budget_is_refused_with_all_that_was_measured(subject: Subject) -> None:
    with pytest.raises(StepFailure) as caught:
        measured(subject, maxArenaBytes=1)
    assert caught.value.benchmark is not None
    assert caught.value.benchmark.arena_bytes == 3 * 64 * 4
    assert not caught.value.is_final


@pytest.mark.parametrize("asked", [{}, {"maxSizeBytes": 1}])
def test_nothing_is_measured_where_the_budget_is_of_the_file_alone(asked: dict[str, Any]) -> None:
    assert measured(subject_of(Path("none"), {}), **asked) is None


def test_every_type_has_the_bits_that_its_tensors_have() -> None:
    assert {kind for kind in FIXED if kind.facts.activations not in benchmark._BITS} == set()
