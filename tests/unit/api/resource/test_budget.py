"""A budget is of exact amounts, and a benchmark that says it keeps within one is not believed by its word."""

from typing import Any

import pytest
from pydantic import ValidationError

from tflite_api.resource.budget import Benchmarking, Budget, exceeded, least, problem_of
from tflite_api.resource.status import Benchmark
from tflite_api.schema import describe


@pytest.mark.parametrize(
    ("written", "most"),
    [
        ("4Mi", 4 * 1024**2),
        ("4M", 4_000_000),
        ("1.5Ki", 1536),
        ("0.001Ki", 1),
        ("1.001Ki", 1025),
        ("512", 512),
        (4194304, 4 * 1024**2),
        ("999999999999Ti", 999_999_999_999 * 1024**4),
    ],
)
def test_a_budget_is_exact_to_the_byte(written: str | int, most: int) -> None:
    assert Budget.from_object({"maxSizeBytes": written}).most_bytes == most


@pytest.mark.parametrize(
    "written", ["much", "4MB", "4 Mi", "4mi", "500m", "1.5", "0", 0, "0.000Gi", "-1", -1, "", "1e6", "4Mi\n"]
)
def test_what_is_no_size_is_refused_with_an_example(written: str | int) -> None:
    with pytest.raises(ValidationError, match="at least one byte: write for example 512Ki, 4Mi or 4194304"):
        Budget.from_object({"maxSizeBytes": written})


@pytest.mark.parametrize("written", [True, 3.5, [], {"a": 1}])
def test_what_is_neither_text_nor_a_number_is_said_once_of_the_field_itself(written: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Budget.from_object({"maxSizeBytes": written})
    said = describe(caught.value, "spec.budget")
    assert said.startswith("spec.budget.maxSizeBytes: must be text or a whole number: write for example 512Mi")
    assert ";" not in said


def budget(**asked: Any) -> Budget:
    return Budget.from_object(asked)


def given(asked: dict[str, Any] | None) -> Budget | None:
    return Budget.from_object(asked) if asked is not None else None


@pytest.mark.parametrize("written", ["0", "0.000", "12.", ".5", "-1", "1e3", "0.0001", "much", "", "1_000", "12\n"])
@pytest.mark.parametrize("field", ["maxLatencyMilliseconds", "maxRelativeLatency"])
def test_what_is_no_amount_is_refused_with_an_example(field: str, written: str) -> None:
    with pytest.raises(ValidationError, match=r'at most three places: write for example "12\.5"'):
        budget(**{field: written})


@pytest.mark.parametrize(
    ("asked", "prefers_fast", "wanted"),
    [
        (None, False, None),
        ({"maxSizeBytes": 1}, False, None),
        ({"maxArenaBytes": 1}, False, Benchmarking()),
        ({"threads": 2}, False, Benchmarking(threads=2)),
        ({"maxLatencyMilliseconds": "1"}, False, Benchmarking(threads=1)),
        ({"maxRelativeLatency": "1"}, False, Benchmarking(threads=1, beside_floats=True)),
        (None, True, Benchmarking(threads=1, beside_floats=True)),
        ({"threads": 2}, True, Benchmarking(threads=2, beside_floats=True)),
        ({"maxSizeBytes": 1}, True, Benchmarking(threads=1, beside_floats=True)),
    ],
)
def test_nothing_is_measured_that_was_not_asked_for(
    asked: dict[str, Any] | None, prefers_fast: bool, wanted: Benchmarking | None
) -> None:
    assert Benchmarking.of(given(asked), prefers_fast=prefers_fast) == wanted


MEASURED = Benchmark(
    runtime="LiteRT",
    p50_milliseconds="9.0000",
    p90_milliseconds="12.0001",
    relative_latency="0.5001",
    threads=2,
    runs=50,
    arena_bytes=1025,
)


@pytest.mark.parametrize(
    ("asked", "over"),
    [
        ({"threads": 2}, ()),
        ({"maxLatencyMilliseconds": "12.001"}, ()),
        ({"maxLatencyMilliseconds": "12"}, ("maxLatencyMilliseconds",)),
        ({"maxRelativeLatency": "0.501", "maxArenaBytes": 1025}, ()),
        ({"maxRelativeLatency": "0.5", "maxArenaBytes": "1Ki"}, ("maxRelativeLatency", "maxArenaBytes")),
        ({"maxSizeBytes": 1}, ()),
    ],
)
def test_a_budget_is_held_by_the_figures_that_are_shown(asked: dict[str, Any], over: tuple[str, ...]) -> None:
    assert tuple(name for name, _, _ in exceeded(budget(**asked), MEASURED)) == over


def test_what_is_exceeded_is_told_with_what_was_found_and_what_is_allowed() -> None:
    none = MEASURED.model_copy(update={"arena_bytes": 0})
    assert exceeded(budget(maxLatencyMilliseconds="12", maxArenaBytes=1), none) == [
        ("maxLatencyMilliseconds", "12.0001", "12")
    ]
    assert exceeded(budget(maxArenaBytes="1Ki"), MEASURED) == [("maxArenaBytes", "1025", "1024")]


@pytest.mark.parametrize(("figure", "amount"), [("12.0001", "12.001"), ("0.5000", "0.5"), ("1000", "1000")])
def test_the_least_amount_that_holds_can_be_written_into_a_budget(figure: str, amount: str) -> None:
    assert least(figure) == amount
    assert (
        exceeded(budget(maxLatencyMilliseconds=amount), MEASURED.model_copy(update={"p90_milliseconds": figure})) == []
    )


@pytest.mark.parametrize(
    ("asked", "changes", "problem"),
    [
        (None, {}, "shows a benchmark that nobody asked for"),
        ({"maxSizeBytes": 1}, {}, "shows a benchmark that nobody asked for"),
        ({"maxLatencyMilliseconds": "13", "threads": 2}, {}, None),
        ({"maxLatencyMilliseconds": "12", "threads": 2}, {}, "does not hold budget.maxLatencyMilliseconds"),
        ({"maxLatencyMilliseconds": "13"}, {}, "shows no latency with 1 threads"),
        ({"maxLatencyMilliseconds": "13", "threads": 2}, {"p90_milliseconds": None}, "does not hold"),
        ({"maxRelativeLatency": "1", "threads": 2}, {"relative_latency": None}, "does not hold"),
        ({"maxArenaBytes": "1Mi"}, {"arena_bytes": None}, "does not hold budget.maxArenaBytes"),
        ({"maxArenaBytes": "1Mi"}, {"p90_milliseconds": None, "threads": None}, None),
    ],
)
def test_what_a_report_claims_must_fit_the_budget(
    asked: dict[str, Any] | None, changes: dict[str, Any], problem: str | None
) -> None:
    wanted = Benchmarking.of(given(asked), prefers_fast=False)
    found = problem_of(given(asked), wanted, MEASURED.model_copy(update=changes))
    assert found is None if problem is None else problem in (found or "")


def test_a_gate_needs_a_benchmark_and_a_mere_report_may_be_without() -> None:
    assert problem_of(budget(maxArenaBytes=1), Benchmarking(), None) == "shows no benchmark for budget.maxArenaBytes"
    assert problem_of(budget(threads=2), Benchmarking(threads=2), None) is None
    assert problem_of(None, None, None) is None


def test_a_search_for_what_is_fastest_is_timed_with_as_many_threads_as_it_says() -> None:
    wanted = Benchmarking(threads=2, beside_floats=True)
    assert problem_of(None, wanted, MEASURED) is None
    assert problem_of(None, wanted, MEASURED.model_copy(update={"threads": 1})) == "shows no latency with 2 threads"


@pytest.mark.parametrize("figure", ["nan", "inf", "-1", "1e9", "1" * 13, "0.00001", "1\n"])
def test_no_figure_is_anything_but_a_plain_amount(figure: str) -> None:
    with pytest.raises(ValidationError):
        Benchmark.from_object({"runtime": "LiteRT", "p90Milliseconds": figure})
