"""The count of conversions is that of those that exist, and its labels are a closed set."""

from prometheus_client import CollectorRegistry, generate_latest

from tests.unit.operator.builders import Object, conversion
from tflite_operator.telemetry.conversion_stats import (
    OTHER,
    ConversionCollector,
    ConversionStats,
    Standing,
    standing,
)

PENDING = Standing("Reconciling", "Pending")


def one(uid: str, ready: str = "Unknown", reason: str = "Converting", stalled: str = "", generation: int = 1) -> Object:
    made = conversion()
    conditions = [{"type": "Ready", "status": ready, "reason": reason}]
    if stalled:
        conditions.append({"type": "Stalled", "status": stalled, "reason": reason})
    status = {"observedGeneration": 1, "conditions": conditions}
    return made | {"metadata": made["metadata"] | {"uid": uid, "generation": generation}, "status": status}


def counted(stats: ConversionStats) -> dict[Standing, int]:
    return {which: number for which, number in stats.counts().items() if number}


def test_a_conversion_is_where_its_conditions_say() -> None:
    assert standing(one("a", "True", "Reused")) == Standing("Ready", "Reused")
    assert standing(one("a", "False", "OutOfMemory", "True")) == Standing("Stalled", "OutOfMemory")
    assert standing(one("a", "Unknown", "StorageUnavailable")) == Standing("Reconciling", "StorageUnavailable")


def test_what_nobody_has_looked_at_is_pending() -> None:
    assert standing(conversion()) == PENDING
    assert standing(one("a", "True", "Converted", generation=2)) == PENDING


def test_a_reason_that_is_none_of_ours_makes_no_label() -> None:
    for reason in ("Nonsense", "", 'a"} 1\nb{c="'):
        assert standing(one("a", "True", reason)).reason == OTHER


def test_a_status_of_anything_is_counted() -> None:
    statuses: list[object] = [None, [], {"observedGeneration": 1, "conditions": 3}, {"observedGeneration": True}]
    for status in statuses:
        stats = ConversionStats()
        stats.count("a", conversion() | {"status": status})
        assert sum(stats.counts().values()) == 1


def test_each_conversion_is_counted_once_where_it_is_now() -> None:
    stats = ConversionStats()
    for _ in range(3):
        stats.count("a", one("a"))
    stats.count("b", one("b", "True", "Converted"))
    assert counted(stats) == {Standing("Reconciling", "Converting"): 1, Standing("Ready", "Converted"): 1}
    stats.count("a", one("a", "True", "Converted"))
    assert counted(stats) == {Standing("Ready", "Converted"): 2}


def test_a_deleted_conversion_is_not_counted_even_where_another_took_its_name_before() -> None:
    stats = ConversionStats()
    stats.count("old", one("old"))
    stats.count("new", one("new", "True", "Converted"))
    stats.forget("old")
    stats.forget("old")
    assert counted(stats) == {Standing("Ready", "Converted"): 1}


def test_the_metric_gives_the_counts_of_the_moment() -> None:
    stats, registry = ConversionStats(), CollectorRegistry()
    registry.register(ConversionCollector(stats))
    assert "reason=" not in generate_latest(registry).decode()
    stats.count("a", one("a", "True", "Converted"))
    assert 'tflite_operator_conversions{phase="Ready",reason="Converted"} 1.0' in generate_latest(registry).decode()
    stats.forget("a")
    assert 'tflite_operator_conversions{phase="Ready",reason="Converted"} 0.0' in generate_latest(registry).decode()
