"""What is known when a chaos run is over."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.audit import Ledger
from tests.chaos.injector import Injector
from tests.chaos.scenario_runner import ScenarioRunner
from tests.e2e.fixtures.conversions import Object


@dataclass(frozen=True)
class Outcome:
    """One run."""

    seed: int
    seconds: float
    runner: ScenarioRunner
    injector: Injector
    ledger: Ledger
    stored: dict[str, str]
    """SHA-256 of the object at each key."""
    uploads: Counter[str]
    unfinished_uploads: list[str]
    conversions: list[Object]
    jobs: list[Object]
    pods: list[Object]
    log: Path
