"""What an artifact takes of the machine that made it, and whether that keeps within its budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.budget import Benchmarking, Budget, exceeded, least
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import FIXED, Activations
from tflite_api.resource.status import Benchmark
from tflite_converter.budget import arena, latency, operators
from tflite_converter.budget.latency import Effort
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Sample
from tflite_converter.core.units import bytes_in_words
from tflite_converter.verify import litert

_USUAL: Final = Effort()
_LARGEST_KEY: Final = 512
_BITS: Final = {Activations.INT8: 8, Activations.INT16: 16, Activations.DYNAMIC: 32, Activations.FLOATS: 32}
"""Of a number between two operators."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured."""

    artifact: Path
    samples: Mapping[str, Sample]
    """By signature one input for it."""
    quantization: Quantization
    select_tf: Sequence[str] = ()
    """TensorFlow's own operations in it, which nothing here runs."""
    floats: Callable[[], Path]
    """Gives the same model in floats, to compare the latency with."""
    effort: Effort = field(default=_USUAL)


def measured(subject: Subject, wanted: Benchmarking | None, budget: Budget | None) -> Benchmark | None:
    """Measure what is wanted, and hold the artifact against its budget; None where there is nothing to measure.

    Raises:
        StepFailure: BudgetExceeded with what would help, or why there is no file in floats to compare with.
        CannotRun: LiteRT cannot run the artifact.
    """
    if wanted is None:
        return None
    if subject.select_tf:
        if budget is not None and budget.running_limits:
            raise _cannot_run(budget, subject.select_tf)
        return None
    found = measure(subject, wanted)
    if budget is not None:
        hold(found, budget, subject.quantization)
    return found


def measure(subject: Subject, wanted: Benchmarking) -> Benchmark:
    """Return what is wanted. Of several signatures the slowest counts, and the memory of all together.

    Raises:
        StepFailure: there is no file in floats to compare with.
        CannotRun: LiteRT cannot run the artifact.
    """
    memory = arena.arena_bytes(subject.artifact, subject.samples)
    threads = wanted.threads
    if threads is None:
        return Benchmark(runtime=litert.runtime(), arena_bytes=memory)
    files = [subject.artifact]
    if wanted.beside_floats:
        files.append(subject.floats())
    timed = {
        key: latency.side_by_side(files, threads, key, sample, subject.effort)
        for key, sample in subject.samples.items()
    }
    slowest = max(timed, key=lambda key: timed[key][0].p90_milliseconds)
    ours, *floats = timed[slowest]
    return Benchmark(
        runtime=litert.runtime_with_delegate(),
        p50_milliseconds=_figure(ours.p50_milliseconds),
        p90_milliseconds=_figure(ours.p90_milliseconds),
        relative_latency=_figure(ours.relative_to(floats[0])) if floats else None,
        runs=ours.runs,
        threads=ours.threads,
        signature=slowest[:_LARGEST_KEY] if len(timed) > 1 else None,
        operators=operators.slowest(subject.artifact, threads, slowest, subject.samples[slowest]),
        arena_bytes=memory,
    )


def _figure(amount: float) -> str:
    return f"{amount:.4f}"


def hold(measured: Benchmark, budget: Budget, asked: Quantization) -> None:
    """Make sure that an artifact keeps within its budget as it runs.

    Raises:
        StepFailure: BudgetExceeded with what was found and what would help.
    """
    over = exceeded(budget, measured)
    if not over:
        return
    told = {
        "maxLatencyMilliseconds": lambda: _too_slow(measured, budget, asked),
        "maxRelativeLatency": lambda: _no_faster(measured, budget),
        "maxArenaBytes": lambda: _too_large(measured, budget, asked),
    }
    found, cures = zip(*(told[name]() for name, _, _ in over), strict=True)
    failure = StepFailure(Reason.BUDGET_EXCEEDED, _joined(found), _joined(cures))
    failure.benchmark = measured
    raise failure


def _joined(sentences: Sequence[str]) -> str:
    first, *others = sentences
    return "; ".join((first, *(f"{one[:1].lower()}{one[1:]}" for one in others)))


def _cannot_run(budget: Budget, used: Sequence[str]) -> StepFailure:
    """Return the failure where nothing here runs the artifact, so that it cannot be shown to keep within its budget."""
    fields = ", ".join(f"budget.{name}" for name in budget.running_limits)
    failure = StepFailure(
        Reason.BUDGET_EXCEEDED,
        f"Only a device with the Flex delegate can run the artifact (it uses {', '.join(used)}), so that {fields}"
        " cannot be measured",
        f"Leave {fields} out, or export the model without these operations",
    )
    failure.is_final = True
    return failure


def _of_signature(measured: Benchmark) -> str:
    return f"signature {measured.signature}, its slowest, takes" if measured.signature else "the artifact takes"


def _with_threads(measured: Benchmark) -> str:
    return f"{measured.threads} thread{'s' if measured.threads != 1 else ''}"


def _too_slow(measured: Benchmark, budget: Budget, asked: Quantization) -> tuple[str, str]:
    taken = _of_signature(measured)
    found = (
        f"{taken[:1].upper()}{taken[1:]} {measured.p90_milliseconds} ms for an inference (p90 of {measured.runs}, p50"
        f" {measured.p50_milliseconds} ms, with {_with_threads(measured)} on this node), but"
        f" budget.maxLatencyMilliseconds allows {budget.max_latency_milliseconds}"
    )
    raised = "raise budget.maxLatencyMilliseconds or budget.threads, or convert a smaller model"
    if asked.type.facts.activations is not Activations.FLOATS:
        return found, f"R{raised[1:]}"
    faster = [kind for kind in FIXED if kind.facts.activations in {Activations.INT8, Activations.DYNAMIC}]
    return found, f"Use quantization.type {' or '.join(faster)}, which compute with 8-bit integers, or {raised}"


def _no_faster(measured: Benchmark, budget: Budget) -> tuple[str, str]:
    found = (
        f"By the medians {_of_signature(measured)} {measured.relative_latency} times as long as the same in floats"
        f" (with {_with_threads(measured)}), but budget.maxRelativeLatency allows {budget.max_relative_latency}"
    )
    reached = least(measured.relative_latency or "0")
    return found, f"Raise budget.maxRelativeLatency to {reached}, or use another quantization.type"


def _too_large(measured: Benchmark, budget: Budget, asked: Quantization) -> tuple[str, str]:
    taken, most = measured.arena_bytes or 0, budget.most_arena_bytes or 0
    found = (
        f"The tensors of the artifact take {taken} bytes ({bytes_in_words(taken)}) as it runs, but budget.maxArenaBytes"
        f" allows {most} ({bytes_in_words(most)})"
    )
    now = _BITS[asked.type.facts.activations]
    bits = {kind: _BITS[kind.facts.activations] for kind in FIXED}
    at_best = {kind: taken * fewer // now for kind, fewer in bits.items() if fewer < now}
    helping = [kind for kind, reached in at_best.items() if reached <= most]
    raised = f"raise budget.maxArenaBytes to {taken}"
    if helping:
        reached = max(at_best[kind] for kind in helping)
        return found, f"Use quantization.type {' or '.join(helping)} ({bytes_in_words(reached)} at best), or {raised}"
    cure = f"R{raised[1:]}, pin smaller shapes in signature.inputs, or convert a smaller model"
    if not at_best:
        return found, cure
    least = bytes_in_words(min(at_best.values()))
    return found, f"{cure}: quantization alone does not bring it there ({least} at best)"
