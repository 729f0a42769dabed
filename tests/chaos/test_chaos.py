"""Whatever instant the operator is killed at, nothing is lost and nothing is done twice.

What runs here is real but for the model's own conversion (stand_in/): the operator of this checkout with the rights of
its ServiceAccount, its pods, their three steps, the Hub and S3. The accounts are those of the API server and of S3.
"""

import pytest

from tests.chaos import accounting
from tests.chaos.calls import INSTANTS
from tests.chaos.injector import WRITES
from tests.chaos.outcome import Outcome

ENOUGH_FOR_ALL = 300
"""Kills after which each kind of call has been met, before, during and after."""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]


@pytest.fixture(autouse=True)
def explained(outcome: Outcome) -> None:
    """What a failure needs to be understood."""
    print(f"CHAOS_SEED={outcome.seed}; the operator's log is {outcome.log}")


def accept(*complaints: list[str]) -> None:
    """Fail with all that there is to complain of."""
    told = "\n".join(one for some in complaints for one in some)
    assert not told, told


def test_every_case_comes_to_its_end(outcome: Outcome) -> None:
    accept(outcome.runner.failed, outcome.injector.problems)


def test_the_operator_was_killed_around_every_kind_of_call(outcome: Outcome) -> None:
    kills, calls, wanted = outcome.injector.kills, outcome.injector.calls, outcome.injector.wanted
    assert sum(kills.values()) == wanted
    accept([f"it never came to {call}" for call in WRITES if call not in calls])
    if wanted >= ENOUGH_FOR_ALL:
        accept([f"never killed {at} {call}" for call in WRITES for at in INSTANTS if not kills[call, at]])


def test_each_attempt_has_one_job(outcome: Outcome) -> None:
    assert outcome.ledger.made_jobs()
    accept(accounting.doubled(outcome.ledger), accounting.miscounted(outcome.ledger, outcome.runner.cases))


def test_no_job_follows_an_outcome(outcome: Outcome) -> None:
    accept(accounting.restarted(outcome.ledger))


def test_each_conversion_ends_as_it_must(outcome: Outcome) -> None:
    accept([problem for case in outcome.runner.cases for problem in case.problems(outcome.stored)])


def test_a_kill_costs_no_status_write(outcome: Outcome) -> None:
    assert outcome.ledger.status_writes()
    accept(accounting.overwritten(outcome.ledger))


def test_each_object_is_once_and_whole(outcome: Outcome) -> None:
    assert outcome.stored
    accept(accounting.misplaced(outcome.runner.cases, outcome.stored, outcome.uploads))
    accept([f"an upload of {key} in parts was left" for key in outcome.unfinished_uploads])


def test_nothing_is_orphaned(outcome: Outcome) -> None:
    accept(accounting.orphaned(outcome.conversions, outcome.jobs, outcome.pods))
    accept(accounting.kept(outcome.jobs))
