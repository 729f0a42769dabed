"""The store is never older than our own writes, and never brings back what is gone."""

import copy
from typing import Any

import pytest

from tests.unit.operator.builders import UID, Object, conversion
from tflite_operator.informer.object_cache import EVERYWHERE, Shelf, Store
from tflite_operator.informer.projection import keep_conversion, keep_job
from tflite_operator.telemetry.conversion_stats import Census

KEY = ("team", "mobile.net")


def at_version(version: int | str, **more: Any) -> Object:
    found = conversion(status={"observedGeneration": int(version)}) if str(version).isdigit() else conversion()
    found["metadata"] |= {"resourceVersion": str(version)} | more
    return found


def version(shelf: Shelf, key: tuple[str, str] = KEY) -> str:
    found = shelf.get(key)
    return str(found["metadata"]["resourceVersion"]) if found is not None else "none"


def test_an_event_from_before_our_own_write_does_not_undo_it() -> None:
    shelf = Shelf(keep_conversion)
    shelf.show(at_version(5))
    shelf.record(at_version(9))
    assert not shelf.show(at_version(7))
    assert version(shelf) == "9"
    assert not shelf.show(at_version(9)), "our own write is no news"
    assert shelf.show(at_version(11))
    assert version(shelf) == "11"


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back() -> None:
    shelf = Shelf(keep_conversion)
    shelf.show(at_version(5))
    shelf.remove(at_version(10))
    shelf.hear("10", EVERYWHERE)
    shelf.record(at_version(9))
    assert shelf.get(KEY) is None
    shelf.record(at_version(12))
    assert version(shelf) == "12"


@pytest.mark.parametrize("scope", [EVERYWHERE, "team"])
def test_a_bookmark_tells_that_nothing_before_it_is_news(scope: str) -> None:
    shelf = Shelf(keep_conversion)
    shelf.hear("20", scope)
    shelf.record(at_version(19))
    assert shelf.get(KEY) is None


def test_a_part_of_a_list_says_nothing_of_what_is_not_in_it() -> None:
    """It is sorted by name: what a later page holds may be older than what an earlier one showed."""
    shelf = Shelf(keep_conversion)
    shelf.show(at_version(100, name="earlier.page"))
    shelf.record(at_version(95))
    assert version(shelf) == "95"


def test_the_deletion_of_an_earlier_one_of_the_name_leaves_the_present_one() -> None:
    shelf = Shelf(keep_conversion)
    shelf.record(at_version(9, uid="new"))
    shelf.remove(at_version(8, uid="old"))
    assert version(shelf) == "9"


def test_a_new_list_drops_what_it_does_not_hold_except_what_is_newer_or_elsewhere() -> None:
    shelf = Shelf(keep_conversion)
    for name, number in (("stays", 3), ("vanished", 4), ("newer", 30)):
        shelf.show(at_version(number, name=name))
    shelf.show(at_version(5, name="elsewhere", namespace="other"))
    gone = shelf.retain({("team", "stays")}, "20", "team")
    assert [one["metadata"]["name"] for one in gone] == ["vanished"]
    assert shelf.get(("team", "vanished")) is None
    assert shelf.get(("team", "newer")) is not None
    assert shelf.get(("other", "elsewhere")) is not None


def test_jobs_are_found_by_the_label_of_their_conversion_as_long_as_they_carry_it() -> None:
    shelf = Shelf(keep_job)
    job = {
        "metadata": {
            "name": "a",
            "namespace": "team",
            "resourceVersion": "1",
            "labels": {"tflite-operator.dev/conversion": UID},
        }
    }
    other = copy.deepcopy(job)
    other["metadata"]["name"] = "b"
    shelf.show(job)
    shelf.show(other)
    assert [one["metadata"]["name"] for one in shelf.of_conversion(UID)] == ["a", "b"]
    bare = copy.deepcopy(job)
    bare["metadata"] |= {"resourceVersion": "2", "labels": {}}
    shelf.show(bare)
    assert [one["metadata"]["name"] for one in shelf.of_conversion(UID)] == ["b"]
    shelf.remove(other | {"metadata": other["metadata"] | {"resourceVersion": "3"}})
    assert shelf.of_conversion(UID) == []


def test_versions_that_are_no_numbers_are_taken_as_they_come() -> None:
    shelf = Shelf(keep_conversion)
    shelf.show(at_version("abc"))
    assert shelf.show(at_version("abd", labels={"a": "b"}))
    shelf.remove(at_version("abe"))
    assert shelf.get(KEY) is None


def test_the_census_hears_of_our_own_writes_and_of_one_that_took_anothers_name() -> None:
    census = Census()
    store = Store(census.take)
    store.conversions.show(at_version(1))
    ready = at_version(2)
    ready["metadata"]["generation"] = 2
    ready["status"] = {
        "observedGeneration": 2,
        "conditions": [{"type": "Ready", "status": "True", "reason": "Converted"}],
    }
    store.conversions.record(ready)
    assert {standing.phase: number for standing, number in census.counts().items() if number} == {"Ready": 1}
    store.conversions.show(at_version(3, uid="another"))
    assert sum(census.counts().values()) == 1
    store.conversions.remove(at_version(4, uid="another"))
    assert sum(census.counts().values()) == 0
