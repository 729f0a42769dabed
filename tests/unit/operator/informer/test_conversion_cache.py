"""A conversion in memory reads like the whole of it, is never older than our own writes, and never comes back."""

import copy
import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given

from tests.unit.operator.builders import (
    NOW,
    SETTINGS,
    Object,
    conversion,
    empty_caches,
    planned,
    started,
    succeeded_pod,
)
from tests.unit.operator.builders import after as written
from tests.unit.operator.informer.test_object_cache import OBJECTS
from tflite_api.names import FINALIZER, REQUESTED_AT_ANNOTATION
from tflite_operator.decide.state import Observation, state_of
from tflite_operator.informer.conversion_cache import ConversionCache
from tflite_operator.informer.object_cache import EVERYWHERE, object_key
from tflite_operator.observe.conversion import ObservedConversion, observe_conversion
from tflite_operator.telemetry.conversion_stats import ConversionStats

KEY = ("team", "mobile.net")


def at_version(version: int | str, **more: object) -> Object:
    found = conversion(status={"observedGeneration": int(version)}) if str(version).isdigit() else conversion()
    found["metadata"] |= {"resourceVersion": str(version)} | more
    return found


def version(cache: ConversionCache, key: tuple[str, str] = KEY) -> str:
    found = cache.get(key)
    return found.version if found is not None else "none"


def empty() -> ConversionCache:
    return empty_caches().conversions


def test_an_event_from_before_our_own_write_does_not_undo_it() -> None:
    cache = empty()
    cache.show(at_version(5))
    cache.record(at_version(9))
    assert not cache.show(at_version(7))
    assert version(cache) == "9"
    assert not cache.show(at_version(9)), "our own write changes nothing"
    assert cache.show(at_version(11))
    assert version(cache) == "11"


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back() -> None:
    cache = empty()
    cache.show(at_version(5))
    cache.remove(at_version(10))
    assert KEY not in cache
    cache.record(at_version(9))
    assert cache.get(KEY) is None
    cache.record(at_version(12))
    assert version(cache) == "12"


def test_the_deletion_of_an_earlier_one_of_the_name_leaves_the_present_one() -> None:
    cache = empty()
    cache.record(at_version(9, uid="new"))
    cache.remove(at_version(8, uid="old"))
    assert version(cache) == "9"


def test_an_event_of_another_conversion_does_not_hide_the_answer_to_our_own_write() -> None:
    """Answers and events come by different connections: the newer of the two counts."""
    cache = empty()
    cache.show(at_version(5))
    cache.show(at_version(8, name="another"))
    cache.record(at_version(9))
    assert version(cache) == "9"


def test_a_new_list_drops_what_it_does_not_hold_except_what_is_newer_or_elsewhere() -> None:
    stats = ConversionStats()
    cache = empty_caches(stats).conversions
    for name, number in (("stays", 3), ("vanished", 4), ("newer", 30)):
        cache.show(at_version(number, name=name, uid=name))
    cache.show(at_version(5, name="elsewhere", namespace="other", uid="elsewhere"))
    assert cache.retain({("team", "stays"): "stays"}, "20", "team") == [("team", "vanished")]
    assert ("team", "vanished") not in cache
    assert ("team", "newer") in cache
    assert ("other", "elsewhere") in cache
    assert sum(stats.counts().values()) == 3


def test_a_new_list_that_holds_another_one_of_the_name_drops_the_earlier() -> None:
    cache = empty()
    cache.show(at_version(5, uid="old"))
    assert cache.retain({KEY: "new"}, "20", EVERYWHERE) == [KEY]
    assert KEY not in cache


def test_versions_that_are_no_numbers_are_taken_as_they_come() -> None:
    cache = empty()
    cache.show(at_version("abc"))
    assert cache.show(at_version("abd", labels={"kueue.x-k8s.io/queue-name": "b"}))
    cache.remove(at_version("abe"))
    assert cache.get(KEY) is None


def test_the_stats_hear_of_our_own_writes_and_of_one_that_took_anothers_name() -> None:
    stats = ConversionStats()
    cache = empty_caches(stats).conversions
    cache.show(at_version(1))
    ready = at_version(2)
    ready["metadata"]["generation"] = 2
    ready["status"] = {
        "observedGeneration": 2,
        "conditions": [{"type": "Ready", "status": "True", "reason": "Converted"}],
    }
    cache.record(ready)
    assert {standing.phase: number for standing, number in stats.counts().items() if number} == {"Ready": 1}
    cache.show(at_version(3, uid="another"))
    assert sum(stats.counts().values()) == 1
    cache.remove(at_version(4, uid="another"))
    assert sum(stats.counts().values()) == 0


def test_what_others_note_in_the_metadata_does_not_trigger_a_reconcile() -> None:
    cache, owner = empty(), conversion()
    cache.show(owner)
    noted = copy.deepcopy(owner)
    noted["metadata"] |= {
        "managedFields": [{"manager": "kubectl"}],
        "resourceVersion": "8",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    assert not cache.show(noted)
    assert version(cache) == "8", "a write from here on is to that version"
    noted["metadata"]["annotations"][REQUESTED_AT_ANNOTATION] = "now"
    assert cache.show(noted)


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": "another"},
        {"generation": 2},
        {"deletionTimestamp": "2026-11-22T12:00:00Z"},
        {"finalizers": [FINALIZER]},
        {"labels": {"kueue.x-k8s.io/queue-name": "team"}},
        {"annotations": {REQUESTED_AT_ANNOTATION: "now"}},
    ],
)
def test_a_change_in_the_metadata_that_a_decision_reads_is_told_and_read(changes: Object) -> None:
    cache, owner = empty(), conversion()
    cache.show(owner)
    before = observe_conversion(owner, SETTINGS)
    assert cache.get(KEY) == before
    changed = owner | {"metadata": owner["metadata"] | {"resourceVersion": "8"} | changes}
    assert cache.show(changed)
    assert cache.get(KEY) == observe_conversion(changed, SETTINGS)
    assert replace(observe_conversion(changed, SETTINGS), version="7") != before


def test_a_conversion_is_read_once_as_long_as_it_stays_what_it_is() -> None:
    read: Counter[str] = Counter()

    def observe(shown: object, before: ObservedConversion | None) -> ObservedConversion:
        read["before" if before is not None else "first"] += 1
        assert isinstance(shown, dict)
        return observe_conversion(shown, SETTINGS, before)

    cache = ConversionCache(observe, ConversionStats())
    cache.show(at_version(1))
    assert cache.get(KEY) is cache.get(KEY)
    assert read == {"first": 1}
    cache.show(at_version(2))
    cache.get(KEY)
    assert read == {"first": 1, "before": 1}, "its spec need not be read again"
    cache.remove(at_version(3))
    cache.show(at_version(4, uid="another"))
    cache.get(KEY)
    assert read == {"first": 2, "before": 1}


@given(OBJECTS)
def test_any_conversion_is_the_same_conversion(whole: Object) -> None:
    cache = empty()
    cache.show(whole)
    kept, read = cache.get(object_key(whole)), observe_conversion(whole, SETTINGS)
    assert kept is not None
    kept = replace(kept, version=read.version)
    assert kept == read
    assert state_of(Observation(kept), NOW, SETTINGS) == state_of(Observation(read), NOW, SETTINGS)


def test_of_what_others_note_nothing_is_in_memory() -> None:
    owner, made = started()
    owner = written(owner, planned(owner, made, pods=[succeeded_pod(owner, made)]))
    noted = copy.deepcopy(owner)
    noted["metadata"]["managedFields"] = [{"manager": "kubectl", "fieldsV1": {"f:spec": {"f:model": {}}}}] * 20
    noted["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(owner)}
    cache = empty()
    cache.show(noted)
    [entry] = cache._entries.values()
    assert len(entry.content) <= len(json.dumps(owner))
    assert json.loads(entry.content)["status"] == owner["status"]


def labelled(count: int, **metadata: object) -> Object:
    """A conversion of some ten bytes a label."""
    found = conversion(metadata={"outputs": [{"name": "y", "labels": ["a label"] * count}]})
    found["metadata"] |= {"resourceVersion": "5"} | metadata
    return found


def held(cache: ConversionCache) -> int:
    """Return the bytes of all that a cache keeps."""
    return sum(len(entry.content) for entry in cache._entries.values()) + cache._read_bytes


def test_of_a_large_conversion_a_digest_alone_is_kept_and_tells_what_changes() -> None:
    stats = ConversionStats()
    cache = empty_caches(stats).conversions
    assert cache.show(labelled(100_000))
    assert KEY in cache
    assert not cache.holds(KEY)
    assert cache.get(KEY) is None
    assert held(cache) < 100
    assert not cache.show(labelled(100_000, resourceVersion="6", managedFields=[{"manager": "kubectl"}]))
    assert cache.show(labelled(100_001, resourceVersion="7"))
    assert sum(stats.counts().values()) == 1
    assert cache.show(labelled(1, resourceVersion="8"))
    assert cache.holds(KEY)
    assert cache.get(KEY) is not None
    assert cache.show(labelled(100_000, resourceVersion="9"))
    assert cache.get(KEY) is None
    assert held(cache) < 100
    assert cache.retain({}, "20", EVERYWHERE) == [KEY]
    assert held(cache) == sum(stats.counts().values()) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": {f"label-{number:060}": "a" * 63 for number in range(10_000)}},
        {"annotations": {f"tflite-operator.dev/{number:040}": "a" * 100 for number in range(10_000)}},
        {"annotations": {REQUESTED_AT_ANNOTATION: "a" * 10**6}},
        {"labels": {f"kueue.x-k8s.io/{number:040}": "a" * 63 for number in range(10_000)}},
        {"finalizers": [f"example.com/{number:040}" for number in range(10_000)]},
        {"managedFields": [{"fieldsV1": {f"f:{number:040}": {} for number in range(10_000)}}]},
        {"ownerReferences": [{"uid": "a" * 10**6}]},
    ],
    ids=["labels", "annotations", "requestedAt", "queue labels", "finalizers", "managedFields", "owners"],
)
def test_whatever_is_large_in_the_metadata_is_not_kept(changes: Object) -> None:
    cache = empty()
    cache.show(labelled(1, **changes))
    cache.get(KEY)
    assert held(cache) < 4096


def test_what_is_read_of_all_together_is_bounded() -> None:
    cache = empty()
    for number in range(1000):
        cache.show(labelled(1000, name=f"c-{number}"))
    keys = [("team", f"c-{number}") for number in range(1000)]
    assert all(cache.get(key) is not None for key in keys)
    assert cache._read_bytes <= 4 * 1024**2
    assert cache.get(keys[-1]) is cache.get(keys[-1])
    assert sum(read.size for read in cache._read.values()) == cache._read_bytes
    for key in keys:
        cache.remove({"metadata": {"namespace": key[0], "name": key[1], "resourceVersion": "9"}})
    assert held(cache) == 0
