"""What is known when a chaos run is over."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.audit import Ledger
from tests.chaos.fire import Fire
from tests.chaos.play import Play
from tests.e2e.conversions import Object


@dataclass(frozen=True)
class Outcome:
    """One run."""

    seed: int
    seconds: float
    play: Play
    fire: Fire
    ledger: Ledger
    stored: dict[str, str]
    """SHA-256 of the object at each key."""
    uploads: Counter[str]
    unfinished_uploads: list[str]
    conversions: list[Object]
    jobs: list[Object]
    pods: list[Object]
    log: Path
