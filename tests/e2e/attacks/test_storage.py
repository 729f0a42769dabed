"""A store that is none holds no step up, and its answers become reasons, not exceptions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.hostile_storage import ENDLESS, ODD
from tests.e2e.fixtures.conversions import Object, Workbench, condition
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.faulty_storage import hostile_storage
from tests.e2e.fixtures.impersonation import Person
from tests.e2e.spec.test_bad_input import assert_stalled


@pytest.fixture
def storage(env: Environment, tmp_path: Path) -> Iterator[str]:
    with hostile_storage(env, tmp_path / "server.log") as endpoint:
        yield endpoint


def taken_from(bench: Workbench, endpoint: str, **where: str) -> Object:
    """Return a conversion of a model there, into an honest store."""
    return bench.conversion("fooled", "", model={"s3": {"bucket": "models", "endpoint": endpoint, **where}})


@pytest.mark.parametrize(
    ("prefix", "words"),
    [(ENDLESS, "goes on and on without objects"), (ODD, "makes no sense (KeyError)")],
    ids=["endless", "odd"],
)
def test_a_listing_that_is_none_has_a_reason(
    bench: Workbench, editor: Person, storage: str, prefix: str, words: str
) -> None:
    assert editor.apply(taken_from(bench, storage, prefix=prefix)) == ""
    # A store may come to its senses: it is asked again, as one that is down.
    waiting = bench.wait("fooled", lambda seen: condition(seen, "Reconciling").get("reason") == "ModelUnavailable")
    assert words in condition(waiting, "Reconciling")["message"]
    assert "nextAttemptTime" in waiting["status"]
    bench.delete("fooled")


def test_an_object_without_a_length_is_read_to_its_end(bench: Workbench, editor: Person, storage: str) -> None:
    finished = editor.run(taken_from(bench, storage, key="model.zip"))
    assert_stalled(finished, "NotASavedModel", "model.s3.key gives a RAR archive")
