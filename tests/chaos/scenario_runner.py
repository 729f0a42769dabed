"""Runs cases while the operator is killed over and over, until it has been killed often enough and all have ended."""

import random
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from tests.chaos.accounting import is_over
from tests.chaos.cases import CASES, Case
from tests.chaos.fixture import Fixture
from tests.chaos.injector import Injector
from tests.e2e.fixtures.conversions import Object

_AT_ONCE: Final = 8
_KEPT: Final = 30
"""How many cases that have ended stay: the operator must leave them alone, life after life."""
_CALM_SECONDS: Final = 120


class ScenarioRunner:
    """One run."""

    def __init__(self, fixture: Fixture, injector: Injector, seed: int) -> None:
        self.cases: list[Case] = []
        self.failed: list[str] = []
        self._fixture = fixture
        self._injector = injector
        self._chance = random.Random(seed)  # noqa: S311 - chance that can be had again
        self._kinds: list[type[Case]] = []
        self._ended: deque[Case] = deque()

    def run(self) -> None:
        """Run cases until the kills are done and each kind was run, then until everything has come to its end."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running: dict[Future[None], Case] = {}
            while not (
                self.failed
                or self._injector.problems
                or (self._injector.peace.is_set() and len(self.cases) >= len(CASES))
            ):
                while len(running) < _AT_ONCE:
                    case = self._next()
                    running[pool.submit(case.run)] = case
                running = self._reap(running, timeout=1)
            while running:
                running = self._reap(running, timeout=5)
        if not self.failed:
            self._until(self._is_calm)

    def last(self, name: str) -> Object:
        """Return a conversion as it was last seen."""
        return self._fixture.latest.get(name, {})

    def counts(self) -> Counter[str]:
        """Count the cases of each kind."""
        return Counter(case.kind for case in self.cases)

    def _next(self) -> Case:
        if not self._kinds:
            self._kinds = self._chance.sample(CASES, len(CASES))
        case = self._kinds.pop()(self._fixture, len(self.cases))
        self.cases.append(case)
        return case

    def _reap(self, running: dict[Future[None], Case], timeout: float) -> dict[Future[None], Case]:
        done, _ = wait(running, timeout, FIRST_COMPLETED)
        for one in done:
            error = one.exception()
            if error is not None:
                self.failed.append(f"{running[one].name}: {type(error).__name__} {error}")
            self._retire(running[one])
        return {one: case for one, case in running.items() if one not in done}

    def _retire(self, case: Case) -> None:
        """Make room: its last state stays known, and its deletion must leave nothing but the object."""
        self._ended.append(case)
        while len(self._ended) > _KEPT:
            for name in self._ended.popleft().names:
                if name not in self._fixture.gone:
                    self._fixture.delete(name)

    def _is_calm(self) -> bool:
        """Return whether every Job has ended and has a time to live, and every pod has its Job."""
        jobs = self._fixture.jobs()
        uids = {job["metadata"]["uid"] for job in jobs}
        limited = all("ttlSecondsAfterFinished" in job["spec"] for job in jobs)
        owned = all(
            owner["uid"] in uids for pod in self._fixture.pods() for owner in pod["metadata"]["ownerReferences"]
        )
        return limited and owned and all(is_over(job) for job in jobs)

    def _until(self, fact: Callable[[], bool]) -> None:
        """Wait for it; what is not so in the end, the accounts tell better."""
        end = time.monotonic() + _CALM_SECONDS
        while not fact() and time.monotonic() < end and not self._injector.problems:
            time.sleep(0.5)
