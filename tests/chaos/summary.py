"""What a chaos run was, in a few lines."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.chaos import accounting
from tests.chaos.injector import ANYWHERE
from tests.chaos.outcome import Outcome
from tests.e2e.fixtures.conversions import condition


def lines(outcome: Outcome) -> list[str]:
    """Return the lines of the summary."""
    runner, injector, ledger = outcome.runner, outcome.injector, outcome.ledger
    conversions = [name for case in runner.cases for name in case.uids]
    made, cleanups = ledger.made_jobs(), ledger.made_cleanups()
    jobs = f"Jobs: {len(made)}, doubled {len(made) - len(set(made))}; cleanups: {len(cleanups)}"
    objects = f"objects: {len(outcome.stored)}, uploads: {sum(outcome.uploads.values())}"
    return [
        f"CHAOS_SEED={outcome.seed}: {injector.count} kills, {len(conversions)} conversions in {outcome.seconds:.0f} s",
        f"kills: {_kills(injector.kills)}",
        f"a life: {_middle_and_most(injector.lived)} s",
        f"conversions: {_counted(runner.counts())}",
        f"ended as: {_counted(Counter(_reason(outcome, name) for name in conversions))}",
        f"{jobs}; {objects}",
        f"status writes of a conversion: {_middle_and_most(accounting.writes_of(ledger).values())}",
    ]


def _middle_and_most(numbers: Iterable[float]) -> str:
    ordered = sorted(numbers)
    return f"{ordered[len(ordered) // 2]} in the middle, {ordered[-1]} at most" if ordered else "none"


def _kills(kills: Counter[tuple[str, str]]) -> str:
    by_call: dict[str, list[str]] = defaultdict(list)
    for (call, instant), count in sorted(kills.items()):
        if (call, instant) != ANYWHERE:
            by_call[call].append(f"{instant} {count}")
    told = [f"{call} ({', '.join(counts)})" for call, counts in by_call.items()]
    return "; ".join([*told, f"anywhere {kills[ANYWHERE]}"])


def _reason(outcome: Outcome, name: str) -> str:
    ready = condition(outcome.runner.last(name), "Ready")
    return f"{ready.get('reason', 'nothing')} ({ready.get('status', 'no')})"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
