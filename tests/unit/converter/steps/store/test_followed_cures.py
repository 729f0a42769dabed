"""A destination that is changed as its refusal says is written to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.steps.store.test_conditional_writes import Ignoring, Refusing
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tests.unit.converter.storage.test_object_metadata import WANTED, stored
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_converter.steps.destination import Destination, location_of
from tflite_converter.storage.object_metadata import Identity, Owner, decide
from tflite_converter.storage.store import Fault, StoredObject, StoreError

CONFLICT = Reason.DESTINATION_CONFLICT
FOREIGN = Held(b"somebody's own").shown
OTHERS = stored(replace(WANTED, owner=Owner("prod", "team/b"), recipe="9" * 64))
ELSEWHERE = stored(replace(WANTED, owner=Owner("staging", "team/a"), recipe="9" * 64))
KEY = "choose another key or remove the object"


def decided(found: StoredObject | None, wanted: Identity = WANTED) -> Trial:
    """Return what decides whether an object is replaced; where there is none, it was removed or the key is another."""
    return lambda _: decide(found, wanted)


def written(store: MemoryStore, fault: Fault | None = None, **where: Any) -> Trial:
    """Return what looks whether a destination can be written to safely."""
    asked = S3Destination.from_object({"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}, **where})

    def trial(_: Path) -> None:
        store.faults = {} if fault is None else {"a.tflite": StoreError(fault, "the server says no")}
        destination = Destination(asked, store)
        destination.check_writers()
        destination.look(location_of(asked))

    return trial


ONE_WRITER = "use another destination.s3, or set destination.s3.writers to One if nothing else writes to the bucket"
FOLLOWED: list[Followed] = [
    followed(KEY, CONFLICT, decided(FOREIGN), decided(None)),
    followed(KEY, CONFLICT, decided(OTHERS), decided(None)),
    followed(
        "choose another key, or take it over with destination.s3.adoptFrom (clusterID: staging)",
        CONFLICT,
        decided(ELSEWHERE),
        decided(None),
        decided(ELSEWHERE, replace(WANTED, adopts=Owner("staging", "team/a"))),
    ),
    *(
        followed(
            ONE_WRITER,
            Reason.INVALID_SPEC,
            written(store),
            written(MemoryStore()),
            written(store, writers="One"),
        )
        for store in (Ignoring(), Refusing())
    ),
    followed(
        "create it or correct its name",
        Reason.BUCKET_NOT_FOUND,
        written(MemoryStore(), bucket="absent"),
        written(MemoryStore(bucket="absent"), bucket="absent"),
        written(MemoryStore()),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
