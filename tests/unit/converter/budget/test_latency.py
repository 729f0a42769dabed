"""Runs are warmed up, counted until there are enough, and taken in turns; what LiteRT runs is really timed."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import interpreter

from tests.unit.converter.small_artifacts import KEY, dense
from tflite_converter.budget import latency
from tflite_converter.budget.latency import Effort, Latency
from tflite_converter.verify.kernels import CannotRun

EFFORT = Effort(
    warm_up_runs=3,
    warm_up_seconds=2,
    runs=10,
    seconds=30,
    most_runs=100,
    most_seconds=200,
    fewest_runs=5,
    turn_runs=4,
    turn_seconds=8,
)


class Clock:
    """A run that takes the seconds it is told to, and keeps the order of all runs."""

    def __init__(self, name: str, order: list[str], *first: float, then: float) -> None:
        self.name, self.order = name, order
        self._seconds: Iterator[float] = chain(first, repeat(then))

    def __call__(self) -> float:
        self.order.append(self.name)
        return next(self._seconds)


def counted(*first: float, then: float) -> list[float]:
    return latency.in_turns([Clock("a", [], *first, then=then)], EFFORT)[0]


def test_percentiles_are_runs_that_there_were() -> None:
    found = Latency.of([0.010, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009], threads=2)
    assert (found.p50_milliseconds, found.p90_milliseconds) == (5, 9)
    assert (found.runs, found.threads) == (10, 2)
    assert Latency.of([0.002], threads=1).p90_milliseconds == 2


def test_slow_runs_change_no_ratio() -> None:
    fast, slow = Latency.of([0.001] * 8 + [0.5] * 2, 1), Latency.of([0.003] * 9 + [0.001], 1)
    assert slow.relative_to(fast) == pytest.approx(3)
    assert fast.relative_to(slow) == pytest.approx(1 / 3)


def test_the_first_runs_are_not_counted() -> None:
    # Three at least, and two seconds at least: of four.
    assert 9.0 not in counted(9, 9, 9, then=4)
    assert counted(0.5, 0.5, 0.5, 9, then=4)[0] == 4
    assert counted(0.5, 0.5, 0.5, 0.5, 9, then=4)[0] == 9


@pytest.mark.parametrize(
    ("seconds", "runs"),
    [
        (4.0, 10),  # as many as are asked for
        (1.0, 32),  # as long as is asked for, at the end of a turn
        (0.01, 100),  # no more than there may be
        (20.0, 10),
        (25.0, 8),  # no longer than it may take
        (90.0, 5),  # but as many as a percentile needs
    ],
)
def test_runs_are_counted_until_there_are_enough(seconds: float, runs: int) -> None:
    assert len(counted(then=seconds)) == runs


def test_artifacts_take_turns_and_all_have_as_many() -> None:
    order: list[str] = []
    fast, slow = Clock("f", order, then=1), Clock("s", order, then=8)
    found = latency.in_turns([fast, slow], EFFORT)
    turns = "".join(order[6:])
    assert order[:6] == ["f"] * 3 + ["s"] * 3
    assert turns == "ffffs" * (len(turns) // 5)
    assert (len(found[0]), len(found[1])) == (40, 10)


def test_a_model_that_takes_no_time_is_warmed_up_for_ever_neither_nor_counted() -> None:
    assert counted(then=0.0) == [0.0] * 100


QUICK = Effort(warm_up_seconds=0.01, seconds=0.01, most_runs=200)
ONES = {"x": np.ones([1, 64], np.float32)}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[int], Path]:
    def write(layers: int) -> Path:
        file = tmp_path / f"{layers}.tflite"
        file.write_bytes(dense(layers))
        return file

    return write


def test_a_larger_model_takes_longer(written: Callable[[int], Path]) -> None:
    small, large = latency.side_by_side([written(1), written(200)], 1, KEY, ONES, QUICK)
    assert 0 < small.p50_milliseconds <= small.p90_milliseconds
    assert small.threads == 1
    assert small.runs >= QUICK.runs
    # Two hundred times the work: no machine is so uneven.
    assert large.relative_to(small) > 2


def test_other_shapes_are_taken_from_the_sample(written: Callable[[int], Path]) -> None:
    assert latency.measure_latency(written(1), 1, KEY, {"x": np.ones([7, 64], np.float32)}, QUICK).runs >= QUICK.runs


def test_litert_is_told_the_number_of_threads(written: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    class Watched(interpreter.Interpreter):  # type: ignore[misc] # untyped
        def __init__(self, *, num_threads: int, **settings: Any) -> None:
            told.append(num_threads)
            super().__init__(num_threads=num_threads, **settings)

    monkeypatch.setattr(interpreter, "Interpreter", Watched)
    assert latency.measure_latency(written(1), 2, KEY, ONES, QUICK).threads == 2
    assert told == [2]


def test_what_litert_cannot_run_says_so(written: Callable[[int], Path]) -> None:
    with pytest.raises(CannotRun, match=r"inputs x \[1, 3\]"):
        latency.measure_latency(written(1), 1, KEY, {"x": np.ones([1, 3], np.float32)}, QUICK)
