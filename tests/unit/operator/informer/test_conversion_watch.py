"""Each event has its conversion reconciled, and what vanished while kopf was not watching is found."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.operator.builders import UID, Object, conversion, empty_caches
from tflite_operator.core.labels import Key
from tflite_operator.informer.conversion_watch import ConversionWatch, VersionsWentBackError
from tflite_operator.informer.object_cache import EVERYWHERE
from tflite_operator.kube.client import CONVERSIONS, Client, Resource
from tflite_operator.kube.errors import ClusterError, RefusedError
from tflite_operator.telemetry.conversion_stats import ConversionStats

KEY = ("team", "mobile.net")
Answer = tuple[dict[Key, str], str] | Exception


def named(name: str, version: int, namespace: str = "team", uid: str = "") -> Object:
    found = conversion()
    found["metadata"] |= {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-of-{name}",
        "resourceVersion": str(version),
    }
    return found


class Names(Client):
    """Answers each list of names with the next of these; after the last it does not answer any more."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def list_names(self, resource: Resource, namespace: str) -> tuple[dict[Key, str], str]:
        assert resource is CONVERSIONS
        self.asked.append(namespace)
        if not self._answers:
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Scene:
    """A watch that knows these conversions, and the names that there are."""

    def __init__(self, *known: Object, answers: tuple[Answer, ...] = ()) -> None:
        self.stats = ConversionStats()
        self.cache = empty_caches(self.stats).conversions
        self.names = Names(*answers)
        self.added: list[Key] = []
        self.pauses: list[float] = []
        self.watch = ConversionWatch(self.cache, self.names, self.added.append)
        for one in known:
            self.watch.take(one, gone=False)
        self.added.clear()

    def compare(self, *scopes: str) -> None:
        """Report that these were listed again; wait until the names were asked for once more than there are answers."""

        async def run() -> None:
            finding = asyncio.create_task(self.watch.find_vanished())
            for scope in (*scopes, "the end"):
                self.watch.relisted(scope)
            try:
                async with asyncio.timeout(5):
                    while not finding.done() and self.names.asked[-1:] != ["the end"]:
                        await rest(0)
                if finding.done():
                    finding.result()
            finally:
                finding.cancel()
                await asyncio.gather(finding, return_exceptions=True)

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            await rest(0)

        rest: Callable[[float], Awaitable[None]] = asyncio.sleep
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tflite_operator.informer.conversion_watch.asyncio.sleep", pause)
            asyncio.run(run())

    @property
    def counted(self) -> int:
        return sum(self.stats.counts().values())


def test_each_event_that_changes_something_has_its_conversion_reconciled_and_no_other() -> None:
    at = Scene()
    at.watch.take(conversion(), gone=False)
    assert at.added == [KEY]
    again = conversion()
    again["metadata"] |= {"resourceVersion": "8", "managedFields": []}
    at.watch.take(again, gone=False)
    assert at.added == [KEY]
    at.watch.take(again, gone=True)
    assert at.added == [KEY, KEY]
    assert KEY not in at.cache
    assert at.counted == 0


def test_the_event_of_our_own_write_has_nothing_reconciled() -> None:
    at = Scene(conversion())
    ours = conversion(status={"observedGeneration": 1})
    ours["metadata"]["resourceVersion"] = "8"
    at.cache.record(ours)
    at.watch.take(ours, gone=False)
    assert at.added == []


def test_what_is_not_there_any_more_leaves_the_memory_and_the_stats_and_is_reconciled() -> None:
    at = Scene(named("stays", 3), named("vanished", 4), answers=(({("team", "stays"): "uid-of-stays"}, "20"),))
    assert at.counted == 2
    at.compare(EVERYWHERE)
    assert at.added == [("team", "vanished")]
    assert ("team", "vanished") not in at.cache
    assert ("team", "stays") in at.cache
    assert at.counted == 1


def test_one_whose_name_another_one_has_by_now_leaves_as_well() -> None:
    at = Scene(named("a", 3, uid="old"), answers=(({("team", "a"): "new"}, "20"),))
    at.compare(EVERYWHERE)
    assert at.added == [("team", "a")]
    assert ("team", "a") not in at.cache
    assert at.counted == 0


def test_what_is_newer_than_the_list_or_in_another_namespace_stays() -> None:
    at = Scene(named("vanished", 4), named("elsewhere", 5, namespace="other"), answers=(({}, "20"),))
    # The answer to a write of our own, which came after the list was made.
    at.cache.record(named("newer", 30))
    at.compare("team")
    assert at.added == [("team", "vanished")]
    assert ("other", "elsewhere") in at.cache
    assert ("team", "newer") in at.cache
    assert at.names.asked == ["team", "the end"]


def test_nothing_is_asked_before_kopf_has_listed_again() -> None:
    at = Scene(conversion())
    at.compare()
    assert at.names.asked == ["the end"]
    assert KEY in at.cache


@pytest.mark.parametrize("error", [ClusterError("the API server does not answer"), RefusedError("forbidden")])
def test_while_the_server_does_not_answer_it_is_asked_ever_more_rarely(
    error: ClusterError, caplog: pytest.LogCaptureFixture
) -> None:
    at = Scene(conversion(), answers=(*[error] * 8, ({}, "20"), ({KEY: UID}, "21")))
    with caplog.at_level(logging.WARNING, "tflite_operator"):
        at.compare("team", "other")
    assert at.names.asked == [*["team"] * 9, "other", "the end"]
    assert at.pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert at.added == [KEY]
    assert str(error) in caplog.text


def test_after_an_answer_the_waiting_begins_anew() -> None:
    error = ClusterError("busy")
    at = Scene(answers=(error, error, ({}, "20"), error, ({}, "21")))
    at.compare("team", "team")
    assert at.pauses == [1, 2, 1]


def test_versions_that_went_back_are_an_error_and_nothing_is_dropped() -> None:
    """As after a restore from a backup: whatever is in memory may be of a time that never was."""
    at = Scene(named("a", 90), answers=(({}, "20"),))
    with pytest.raises(VersionsWentBackError, match="at version 20, and was at 90"):
        at.compare(EVERYWHERE)
    assert ("team", "a") in at.cache


def test_a_deletion_counts_among_the_versions_that_were_told_of() -> None:
    at = Scene(named("a", 90), answers=(({}, "95"),))
    at.watch.take(named("a", 100), gone=True)
    with pytest.raises(VersionsWentBackError):
        at.compare(EVERYWHERE)


def test_an_error_in_our_own_code_ends_it() -> None:
    with pytest.raises(TypeError, match="bug"):
        Scene(answers=(TypeError("bug"),)).compare(EVERYWHERE)
