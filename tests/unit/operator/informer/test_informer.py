"""A cache follows its resource through everything that a watch can go through."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.unit.operator.builders import UID, Object, conversion, job
from tflite_operator.informer.informer import Informer
from tflite_operator.informer.object_cache import EVERYWHERE, ObjectCache
from tflite_operator.kube.client import JOBS, Client, Page, Resource
from tflite_operator.kube.errors import ClusterError, GoneError, NotFoundError, RefusedError
from tflite_operator.observe.job import ObservedJob, observe_job

Event = tuple[str, Object]


def named(name: str, version: int, attempt: int = 1) -> Object:
    found = job(conversion(), attempt)
    found["metadata"] |= {"name": name, "resourceVersion": str(version)}
    return found


def bookmark(version: int) -> Event:
    return "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}


class Script(Client):
    """Answers each list and each watch with the next of a script; at its end the test is over."""

    def __init__(self, *answers: Page | Exception | list[Event | Exception]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []
        self.over = asyncio.Event()

    async def _next(self, question: str) -> Any:
        if not self._answers:
            self.over.set()
            await asyncio.Event().wait()
        self.asked.append(question)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def page(self, resource: Resource, namespace: str, token: str) -> Page:
        answer: Page = await self._next(f"list {token}".strip())
        return answer

    async def watch(self, resource: Resource, namespace: str, version: str) -> AsyncGenerator[Event, None]:
        for event in await self._next(f"watch {version}"):
            if isinstance(event, Exception):
                raise event
            yield event


class Course:
    """What came of a script."""

    def __init__(self, *answers: Page | Exception | list[Event | Exception]) -> None:
        self.told: list[str] = []
        self.pauses: list[float] = []
        self.cache = ObjectCache(observe_job)
        asyncio.run(self._run(answers))

    async def _run(self, answers: tuple[Page | Exception | list[Event | Exception], ...]) -> None:
        script = Script(*answers)
        informer = Informer(script, JOBS, EVERYWHERE, self.cache, self._tell)

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tflite_operator.informer.informer.asyncio.sleep", pause)
            running = asyncio.create_task(informer.run())
            over = asyncio.create_task(script.over.wait())
            await asyncio.wait([running, over], timeout=5, return_when=asyncio.FIRST_COMPLETED)
            self.ended = running.exception() if running.done() else None
            assert over.done() or running.done(), "the script was not played to its end"
            running.cancel()
            over.cancel()
            await asyncio.gather(running, over, return_exceptions=True)
        self.asked = script.asked
        self.synced = informer.synced.is_set()

    def _tell(self, job: ObservedJob, gone: bool) -> None:
        self.told.append(f"{job.name}{' is gone' if gone else ''}")

    @property
    def names(self) -> set[str]:
        return {job.name for job in self.cache.of_conversion("team", UID)}


def page(version: int, *items: Object, token: str = "") -> Page:
    return Page(list(items), str(version), token)


def test_all_pages_are_listed_and_the_watch_goes_on_from_there() -> None:
    course = Course(page(10, named("a", 3), token="more"), page(10, named("b", 4)), [("ADDED", named("c", 11))])
    assert course.asked == ["list", "list more", "watch 10"]
    assert course.told == ["a", "b", "c"]
    assert course.synced


def test_a_watch_that_ends_goes_on_from_the_last_event_without_a_pause() -> None:
    course = Course(page(10), [("ADDED", named("a", 11))], [bookmark(25)], [("DELETED", named("a", 26))])
    assert course.asked == ["list", "watch 10", "watch 11", "watch 25"]
    assert course.told == ["a", "a is gone"]
    assert course.names == set()
    assert course.pauses == []


def test_a_version_too_old_is_listed_anew_and_what_vanished_meanwhile_is_told() -> None:
    course = Course(
        page(10, named("a", 3), named("b", 4)),
        GoneError("too old resource version"),
        page(50, named("b", 4), named("c", 40)),
        [("MODIFIED", named("b", 51, attempt=2))],
    )
    assert course.asked == ["list", "watch 10", "list", "watch 50"]
    assert course.told == ["a", "b", "c", "a is gone", "b"]
    assert course.names == {"b", "c"}


def test_a_version_that_gets_too_old_during_a_watch_is_listed_anew() -> None:
    course = Course(page(10), [("ADDED", named("a", 11)), GoneError("too old")], page(20), [bookmark(21)])
    assert course.asked == ["list", "watch 10", "list", "watch 20"]
    assert course.names == set()


def test_a_page_token_that_expires_begins_the_list_anew_and_drops_nothing_before_it_is_whole() -> None:
    course = Course(
        page(10, named("a", 3), token="more"),
        GoneError("the provided continue parameter is too old"),
        page(20, named("a", 3), named("b", 15)),
        [bookmark(21)],
    )
    assert course.asked == ["list", "list more", "list", "watch 20"]
    assert course.names == {"a", "b"}


def test_while_the_server_does_not_answer_it_is_asked_ever_more_rarely() -> None:
    refused = ClusterError("refused")
    course = Course(page(10), *[refused] * 9, page(11), [bookmark(12)], refused)
    assert course.asked == ["list", *["watch 10"] * 6, *["list"] * 4, "watch 11", "watch 12"]
    assert all(earlier < 2 * later for earlier, later in zip(course.pauses, course.pauses[1:8], strict=False))
    assert max(course.pauses) <= 30
    assert course.pauses[5] > 4 > course.pauses[-1], "after an event the waiting begins anew"


def test_a_server_that_comes_back_from_a_backup_is_followed() -> None:
    """Its versions are smaller, so a watch from where the last one ended would stay silent for long."""
    course = Course(
        page(100, named("a", 90)), *[ClusterError("refused")] * 6, page(10, named("b", 9)), [("ADDED", named("c", 11))]
    )
    assert course.asked[-2:] == ["list", "watch 10"]
    assert course.names == {"b", "c"}


@pytest.mark.parametrize("error", [NotFoundError("no such resource"), RefusedError("forbidden")])
def test_a_resource_that_goes_or_is_forbidden_is_listed_when_it_is_back(error: ClusterError) -> None:
    course = Course(page(10, named("a", 3)), error, error, page(5, named("b", 4)), [bookmark(6)])
    assert course.asked == ["list", "watch 10", "list", "list", "watch 5"]


def test_a_resource_made_anew_with_smaller_versions_is_followed() -> None:
    """As after a restore from a backup: what was known under larger versions must not hide what is there now."""
    course = Course(
        page(100, named("a", 90), named("b", 95)),
        GoneError("too old"),
        page(10, named("b", 9)),
        [("MODIFIED", named("b", 11, attempt=2))],
    )
    assert course.names == {"b"}
    assert course.told == ["a", "b", "a is gone", "b is gone", "b", "b"]


def test_a_deletion_and_all_before_it_have_been_heard() -> None:
    course = Course(page(10), [("ADDED", named("a", 11)), ("DELETED", named("a", 15))])
    course.cache.record(named("a", 14))
    assert course.names == set()


def test_nothing_is_synced_before_the_list_is_whole() -> None:
    assert not Course(page(10, named("a", 3), token="more"), ClusterError("cut off")).synced


def test_a_server_that_ends_every_watch_at_once_is_not_asked_without_a_pause() -> None:
    course = Course(page(10), [], [], [])
    assert len(course.pauses) == 3


def test_an_event_that_nobody_knows_is_an_error_and_not_the_end() -> None:
    novelty: list[Event | Exception] = [("NOVELTY", named("a", 11))]
    course = Course(page(10), *[novelty] * 6, page(20), [("ADDED", named("b", 21))])
    assert course.ended is None
    assert course.told == ["b"]
    assert course.pauses[-1] > 4, "it comes again and again"


def test_an_error_in_our_own_code_ends_it() -> None:
    course = Course(page(10), [("ADDED", named("a", 11)), TypeError("bug")])
    assert isinstance(course.ended, TypeError)
