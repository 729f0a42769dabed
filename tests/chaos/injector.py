"""Kills the operator over and over: draws the end of each of its lives, and starts the next one at once."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.chaos.calls import INSTANTS, Chosen, Lifetime

ANYWHERE: Final = ("anywhere", "")
"""A life that ended because its time was up."""
WRITES: Final = ("create jobs", "patch tfliteconversions/status", "create events", "patch jobs", "delete jobs")
_ARMED: Final = 8
_ROOT: Final = Path(__file__).parents[2]

Kill = tuple[str, str]
"""The call and the instant of it."""


class KillPlan:
    """Instants to end a life at. One that has ended a life is laid aside until all others have: each comes as often."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - chance that can be had again
        self._known: set[str] = set(WRITES)
        self._left: list[Kill] = []

    def learn(self, calls: list[str]) -> None:
        """Take in what calls the operator makes."""
        fresh = sorted(set(calls) - self._known)
        self._known.update(fresh)
        self._left += [(call, instant) for call in fresh for instant in INSTANTS]

    def draw(self) -> Lifetime:
        """Draw the end of the next life."""
        if not self._left:
            self._left = [(call, instant) for call in sorted(self._known) for instant in INSTANTS]
        chance = self._chance
        kinds = chance.sample(self._left, min(_ARMED, len(self._left)))
        # A fifth of the lives may end before they have begun; the others have got somewhere.
        grace = 0.0 if chance.random() < 0.2 else chance.uniform(0.1, 1.2)
        return Lifetime(
            chosen=tuple(Chosen(call, instant, chance.choice((1, 1, 2, 3))) for call, instant in kinds),
            grace_seconds=grace,
            flight_seconds=chance.choice((0.0, chance.uniform(0.0, 0.008))),
            seconds=grace + chance.uniform(0.3, 2.0),
        )

    def lay_aside(self, kill: Kill) -> None:
        """Take note of the end of a life."""
        if kill in self._left:
            self._left.remove(kill)


class Injector:
    """The operator in a process of its own, killed again and again, in the end left in peace."""

    def __init__(self, seed: int, kills: int, variables: Mapping[str, str], log: Path) -> None:
        self.kills: Counter[Kill] = Counter()
        self.wanted = kills
        self.problems: list[str] = []
        self.calls: set[str] = set()
        self.lived: list[float] = []
        self.over = threading.Event()
        self.peace = threading.Event()
        self._plan = KillPlan(seed)
        self._pid = 0
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.operator_process"],
                cwd=_ROOT,
                # Each life leaves behind what its client wrote down of the kubeconfig: a key among it.
                env={**os.environ, **variables, "TMPDIR": str(log.parent)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """How often it was killed."""
        return sum(self.kills.values())

    def stop(self) -> None:
        """End the operator as a node does, and this process's child with it."""
        self.over.set()
        if self._pid and self._process.poll() is None:
            os.kill(self._pid, signal.SIGTERM)
        self._thread.join(60)
        self._process.kill()
        self._process.wait()

    def _keep(self) -> None:
        while not self.over.is_set() and self.count < self.wanted and not self.problems:
            self._live(self._plan.draw())
        self.peace.set()
        if not self.over.is_set() and not self.problems:
            self._live(Lifetime())

    def _live(self, lifetime: Lifetime) -> None:
        self._tell(lifetime.to_json())
        self._pid = self._hear()["pid"]
        end = self._hear()
        self.calls.update(end["seen"])
        self._plan.learn(end["seen"])
        if end["code"] == -signal.SIGKILL:
            kill = (end["call"], end["instant"]) if "call" in end else ANYWHERE
            self.kills[kill] += 1
            self.lived.append(end["lived"])
            self._plan.lay_aside(kill)
        elif not self.over.is_set() or end["code"] != 0:
            self.problems.append(f"the operator ended by itself with code {end['code']}")

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            return {"pid": 0, "code": None, "seen": []}
        heard: dict[str, Any] = json.loads(line)
        return heard
