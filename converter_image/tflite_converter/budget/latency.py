"""How long LiteRT with XNNPACK takes for one inference in this process.

What is timed is the inference alone, as TensorFlow's benchmark_model times it: inputs are set before, outputs are not
read, and variables start afresh. Artifacts that are to be compared take turns, so that a machine that becomes slower
or faster meanwhile does so for all of them.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tflite_converter.core.tensors import Sample
from tflite_converter.verify import litert
from tflite_converter.verify.kernels import CannotRun


@dataclass(frozen=True)
class Effort:
    """How often an inference is repeated."""

    warm_up_runs: int = 3
    warm_up_seconds: float = 0.2
    """The first runs find caches cold and the processor at its lower clock: at least so many, and so long, are not
    counted."""
    runs: int = 50
    seconds: float = 1.0
    """At least so many are counted that together take at least so long..."""
    most_runs: int = 1000
    most_seconds: float = 10.0
    """...but no more than these: a small model needs no second, and a large one not fifty runs..."""
    fewest_runs: int = 5
    """...of which there are always so many."""
    turn_runs: int = 50
    turn_seconds: float = 0.1
    """After so many, or so long, it is the next artifact's turn."""


@dataclass(frozen=True)
class Latency:
    """Of one inference."""

    p50_milliseconds: float
    p90_milliseconds: float
    """Half of the runs, and nine in ten, took at most this long."""
    runs: int
    threads: int

    @classmethod
    def of(cls, seconds: Sequence[float], threads: int) -> Self:
        """Return it of the seconds that each of some runs took."""
        ordered = sorted(seconds)
        p50, p90 = (1000 * ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.9))
        return cls(p50, p90, len(ordered), threads)

    def relative_to(self, other: "Latency") -> float:
        """Return how many times as long as the other it takes, by the medians: single slow runs do not count."""
        return self.p50_milliseconds / other.p50_milliseconds


_USUAL: Final = Effort()

Run = Callable[[], float]
"""Runs one inference and returns the seconds that it took."""


def measure_latency(artifact: Path, threads: int, key: str, sample: Sample, effort: Effort = _USUAL) -> Latency:
    """Return how long one signature of an artifact takes for a sample, as `side_by_side` measures it."""
    return side_by_side([artifact], threads, key, sample, effort)[0]


def side_by_side(
    artifacts: Sequence[Path], threads: int, key: str, sample: Sample, effort: Effort = _USUAL
) -> list[Latency]:
    """Return how long each of several artifacts takes for the same, measured in turns.

    Args:
        artifacts: files with the same signature.
        threads: how many LiteRT and XNNPACK may use.
        key: the signature.
        sample: one input by name, in real numbers: it is quantized for an artifact with quantized inputs.
        effort: how often.

    Raises:
        CannotRun: LiteRT cannot run one of them.
    """
    runs = [_run_of(artifact, threads, key, sample) for artifact in artifacts]
    return [Latency.of(seconds, threads) for seconds in in_turns(runs, effort)]


def in_turns(runs: Sequence[Run], effort: Effort) -> list[list[float]]:
    """Return the seconds that the counted runs of each took, in the order in which they were run."""
    for run in runs:
        _warm_up(run, effort)
    counted: list[list[float]] = [[] for _ in runs]
    while not all(_is_enough(seconds, effort) for seconds in counted):
        for run, seconds in zip(runs, counted, strict=True):
            seconds.extend(_turn(run, effort))
    return counted


def _warm_up(run: Run, effort: Effort) -> None:
    done, taken = 0, 0.0
    while done < effort.warm_up_runs or (taken < effort.warm_up_seconds and done < effort.most_runs):
        taken += run()
        done += 1


def _turn(run: Run, effort: Effort) -> list[float]:
    seconds = [run()]
    while sum(seconds) < effort.turn_seconds and len(seconds) < effort.turn_runs:
        seconds.append(run())
    return seconds


def _is_enough(seconds: Sequence[float], effort: Effort) -> bool:
    taken, done = sum(seconds), len(seconds)
    if done < effort.fewest_runs:
        return False
    return done >= effort.most_runs or taken >= effort.most_seconds or (done >= effort.runs and taken >= effort.seconds)


def _run_of(artifact: Path, threads: int, key: str, sample: Sample) -> Run:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - takes long

    shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in sample.items())
    try:
        interpreter = Interpreter(model_path=str(artifact), num_threads=threads)
        # Variables can be reset only once they have memory.
        interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner(key)
        details = runner.get_input_details()
        given = {name: litert.quantized(value, details[name]) for name, value in sample.items()}
        runner(**given)
    except (RuntimeError, ValueError) as error:
        raise CannotRun(str(error), shapes) from error
    # The runner itself also checks shapes, allocates and copies outputs: of a small model that is most of the time.
    wrapper, subgraph = runner._interpreter_wrapper, runner._subgraph_index  # noqa: SLF001 - no public way, see above

    def run() -> float:
        interpreter.reset_all_variables()
        for name, value in given.items():
            # Each time: a run may use an input's memory for something else.
            wrapper.SetTensor(details[name]["index"], value, subgraph)
        started = time.perf_counter()
        try:
            wrapper.Invoke(subgraph)
        except (RuntimeError, ValueError) as error:
            raise CannotRun(str(error), shapes) from error
        return time.perf_counter() - started

    return run
