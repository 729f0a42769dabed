"""A budget, or an artifact, that is changed as a refusal says keeps within it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.budget.test_benchmark import MEASURED, ONES, SYNTHETIC, budget, never, subject_of
from tests.unit.converter.budget.test_size import FLOATS, INT8
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.small_artifacts import KEY, dense
from tflite_api.reasons import Reason
from tflite_api.resource.budget import Benchmarking
from tflite_api.resource.quantization import Quantization
from tflite_api.steps.report import TypeSize
from tflite_converter.budget import benchmark, size, threads
from tflite_converter.worker import cpus

EXCEEDED = Reason.BUDGET_EXCEEDED
OVERHEAD = 10676 - sum(FLOATS.values())


def kept(most: str | int, sizes: Mapping[str, int], **asked: Any) -> Trial:
    """Return what holds a file with these constants, by type, to a size."""
    told = tuple(TypeSize(dtype=name, tensors=1, size_bytes=count) for name, count in sizes.items())
    contents = size.Contents(Quantization.from_object(asked), told)
    taken = OVERHEAD + sum(sizes.values())
    return lambda _: size.hold(taken, budget(maxSizeBytes=most), lambda: contents)


def ran(quantization: dict[str, Any] | None = None, *, faster: float = 1, less: int = 1, **asked: Any) -> Trial:
    """Return what holds a file to a budget that was measured, or one that is so many times faster or smaller."""
    measured = MEASURED.model_copy(
        update={
            "p90_milliseconds": f"{12.5 / faster}",
            "relative_latency": f"{0.75 / faster}",
            "arena_bytes": 4096 // less,
        }
    )
    return lambda _: benchmark.hold(measured, budget(**asked), Quantization.from_object(quantization or {}))


def on_a_device(*, flex: bool, **asked: Any) -> Trial:
    def trial(folder: Path) -> object:
        (folder / "a.tflite").write_bytes(dense(1))
        limits = budget(**asked)
        subject = replace(subject_of(folder / "a.tflite", {KEY: ONES}, never), select_tf=("Erf",) if flex else ())
        return benchmark.measured(subject, Benchmarking.of(limits, prefers_fast=False), limits)

    return trial


WHOLE = {"type": "Int8", **SYNTHETIC}
KEPT = {"type": "Int8", "keepFloat": {"operations": ["SOFTMAX"]}, **SYNTHETIC}

FOLLOWED: list[Followed] = [
    followed(
        "Use quantization.type Float16 (6.4 KiB at best), or use quantization.type DynamicRange, Int8, Int16x8 or"
        " WeightOnlyInt8 (4.4 KiB at best), or use quantization.type WeightOnlyInt4 (3.4 KiB at best), or raise"
        " budget.maxSizeBytes to 10676",
        EXCEEDED,
        kept("8Ki", FLOATS),
        kept("8Ki", {"float16": 4096}, type="Float16"),
        kept("8Ki", {"int8": 2048}, type="DynamicRange"),
        kept("8Ki", {"int4": 1024}, type="WeightOnlyInt4"),
        kept(10676, FLOATS),
    ),
    followed(
        "Leave fewer layers in floats with quantization.keepFloat",
        EXCEEDED,
        kept("8Ki", {"int8": 2048, "float32": 4096}, **KEPT),
        kept("8Ki", {"int8": 3072}, **WHOLE),
    ),
    followed(
        "or convert a smaller model: quantization alone does not bring it there",
        EXCEEDED,
        kept("3Ki", INT8, **WHOLE),
        kept("3Ki", {"int8": 512}, **WHOLE),
    ),
    followed(
        "Use quantization.type DynamicRange or Int8, which compute with 8-bit integers, or raise"
        " budget.maxLatencyMilliseconds or budget.threads, or convert a smaller model",
        EXCEEDED,
        ran(maxLatencyMilliseconds="12.4"),
        ran({"type": "DynamicRange"}, faster=2, maxLatencyMilliseconds="12.4"),
        ran(maxLatencyMilliseconds="12.5"),
        ran(faster=1.5, maxLatencyMilliseconds="12.4", threads=4),
    ),
    followed(
        "Raise budget.maxLatencyMilliseconds or budget.threads, or convert a smaller model",
        EXCEEDED,
        ran(WHOLE, maxLatencyMilliseconds="12.4"),
        ran(WHOLE, maxLatencyMilliseconds="12.5"),
    ),
    followed(
        "Raise budget.maxRelativeLatency to 0.75, or use another quantization.type",
        EXCEEDED,
        ran({"type": "DynamicRange"}, maxRelativeLatency="0.7"),
        ran({"type": "DynamicRange"}, maxRelativeLatency="0.75"),
        ran(WHOLE, faster=2, maxRelativeLatency="0.7"),
    ),
    followed(
        "Use quantization.type Int8 or Int16x8 (2.0 KiB at best), or raise budget.maxArenaBytes to 4096",
        EXCEEDED,
        ran(maxArenaBytes="2Ki"),
        ran(WHOLE, less=4, maxArenaBytes="2Ki"),
        ran({"type": "Int16x8", **SYNTHETIC}, less=2, maxArenaBytes="2Ki"),
        ran(maxArenaBytes=4096),
    ),
    followed(
        "Raise budget.maxArenaBytes to 4096, pin smaller shapes in signature.inputs, or convert a smaller model",
        EXCEEDED,
        ran(WHOLE, maxArenaBytes="1Ki"),
        ran(WHOLE, maxArenaBytes=4096),
        ran(WHOLE, less=4, maxArenaBytes="1Ki"),
    ),
    followed(
        "Leave budget.maxLatencyMilliseconds, budget.maxArenaBytes out, or export the model without these operations",
        EXCEEDED,
        on_a_device(flex=True, maxLatencyMilliseconds="60000", maxArenaBytes="1Mi", maxSizeBytes="1Mi"),
        on_a_device(flex=True, maxSizeBytes="1Mi"),
        on_a_device(flex=False, maxLatencyMilliseconds="60000", maxArenaBytes="1Mi", maxSizeBytes="1Mi"),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


def test_threads_that_a_refusal_allows_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(asked: int, available: float) -> Trial:
        def trial(_: Path) -> None:
            monkeypatch.setattr(cpus, "available", lambda: available)
            threads.check(budget(threads=asked))

        return trial

    words = "write at most 2, or give the conversion more with resources.limits.cpu and a node that has as many"
    follow(followed(words, Reason.INVALID_SPEC, checked(3, 2.5), checked(2, 2.5), checked(3, 3)), tmp_path)
