"""Threads that would wait for a CPU are refused before anything is made."""

import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.budget import Budget
from tflite_converter.budget import threads
from tflite_converter.core.failure import StepFailure
from tflite_converter.worker import cpus


@pytest.mark.parametrize(("asked", "most"), [(4, 4.0), (1, 0.5), (2, 2.5)])
def test_threads_that_have_a_cpu_each_are_taken(monkeypatch: pytest.MonkeyPatch, asked: int, most: float) -> None:
    monkeypatch.setattr(cpus, "available", lambda: most)
    threads.check(Budget(threads=asked))


def test_more_threads_than_cpus_are_refused_only_where_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "available", lambda: 2.5)
    threads.check(None)
    threads.check(Budget(max_arena_bytes=1))
    with pytest.raises(
        StepFailure, match=r"threads is 3, but .* where 2\.5 CPUs may be used: write at most 2"
    ) as caught:
        threads.check(Budget(threads=3))
    assert caught.value.reason is Reason.INVALID_SPEC
