"""Two clusters with one bucket and the same manifests: what the other wrote may be reused, and is never lost."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.steps.store.buckets import BESIDE, KEY, PAGE, again, published, request
from tests.unit.converter.storage.servers.memory_store import MemoryStore
from tflite_api.reasons import Reason
from tflite_api.steps.step import PreparedModel, StepRequest, StepResult
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps.cleanup import clean_up
from tflite_converter.steps.publish import publish
from tflite_converter.storage import object_metadata

pytestmark = pytest.mark.usefixtures("keys", "fetched_by_hand")

WHERE = {"bucket": "models", "key": KEY, "secretRef": {"name": "s"}}
WHOLE: dict[str, Any] = {"deletionPolicy": "Delete", "report": True}


def of(cluster: str, adopt: dict[str, str] | None = None, owner: str = "team/a", **changes: Any) -> StepRequest:
    where = WHERE if adopt is None else {**WHERE, "adoptFrom": adopt}
    asked = request(**WHOLE, **{"destination": {"s3": where}, **changes})
    return asked.model_copy(update={"cluster": cluster, "owner": owner})


PRODUCTION, STAGING = of("prod"), of("staging")
CHANGED: dict[str, Any] = {"quantization": {"type": "Float16"}}


def written_before_there_were_ids(store: MemoryStore) -> None:
    for held in store.objects.values():
        del held.metadata[object_metadata.CLUSTER]  # type: ignore[attr-defined] # a dict


def cleaned(asked: StepRequest, store: MemoryStore) -> StepResult:
    return clean_up(asked, LoggedProgress(), store)


def republished(asked: StepRequest, prepared: PreparedModel, store: MemoryStore, tmp_path: Path) -> StepResult:
    """Publish again what a conversion left."""
    return publish(asked, prepared, tmp_path / "output", LoggedProgress(), store)


def test_what_another_cluster_made_is_reused(tmp_path: Path) -> None:
    store = published(PRODUCTION, tmp_path)
    assert again(STAGING, store, tmp_path).reused is not None


def test_what_another_cluster_made_is_never_deleted(tmp_path: Path) -> None:
    store = published(PRODUCTION, tmp_path)
    told = cleaned(STAGING, store).message
    assert store.deleted == []
    assert told.count("was left alone") == 3
    cleaned(PRODUCTION, store)
    assert store.objects == {}


def test_what_another_cluster_made_is_never_replaced(tmp_path: Path) -> None:
    store = published(PRODUCTION, tmp_path)
    before = dict(store.objects)
    with pytest.raises(StepFailure, match=r"of team/a of cluster prod: .*adoptFrom \(clusterID: prod\)") as caught:
        again(of("staging", **CHANGED), store, tmp_path)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT
    assert store.objects == before


def test_an_object_without_an_id_is_nobody_s_until_it_is_adopted(tmp_path: Path) -> None:
    store = published(PRODUCTION, tmp_path)
    written_before_there_were_ids(store)
    with pytest.raises(StepFailure, match=r"of cluster unknown: .*clusterID: unknown"):
        again(of("prod", **CHANGED), store, tmp_path)
    assert "was left alone" in cleaned(PRODUCTION, store).message
    assert again(of("prod", {"clusterID": "unknown"}, **CHANGED), store, tmp_path).adopted is not None


def test_what_is_adopted_is_made_again_and_is_then_this_cluster_s_own(tmp_path: Path) -> None:
    adopting = of("new", {"clusterID": "prod"})
    store = published(PRODUCTION, tmp_path)
    prepared = again(adopting, store, tmp_path)
    assert prepared.reused is None
    assert prepared.adopted == "team/a of cluster prod"
    done = republished(adopting, prepared, store, tmp_path)
    assert "it replaced that of team/a of cluster prod, as destination.s3.adoptFrom says" in done.message
    assert {held.metadata[object_metadata.CLUSTER] for held in store.objects.values()} == {"new"}
    assert again(adopting, store, tmp_path).reused is not None
    assert "was left alone" in cleaned(PRODUCTION, store).message
    cleaned(adopting, store)
    assert store.deleted[-3:] == [PAGE, BESIDE, KEY]


def test_the_same_manifests_elsewhere_adopt_nothing_that_was_adopted_once(tmp_path: Path) -> None:
    adopting = of("new", {"clusterID": "prod"}, **CHANGED)
    store = published(PRODUCTION, tmp_path)
    republished(adopting, again(adopting, store, tmp_path), store, tmp_path)
    with pytest.raises(StepFailure, match="of cluster new") as caught:
        again(of("staging", {"clusterID": "prod"}, quantization={"type": "DynamicRange"}), store, tmp_path)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT
    assert "was left alone" in cleaned(of("staging", {"clusterID": "prod"}), store).message


def test_to_name_an_owner_deletes_nothing_that_was_not_taken_over(tmp_path: Path) -> None:
    store = published(PRODUCTION, tmp_path)
    cleaned(of("staging", {"clusterID": "prod"}), store)
    assert store.deleted == []


@pytest.mark.parametrize(
    "adopt",
    [
        {"clusterID": "other"},
        {"clusterID": "staging"},
        {"clusterID": "prod", "namespace": "other"},
        {"clusterID": "prod", "name": "b"},
    ],
    ids=str,
)
def test_another_owner_than_the_one_that_is_named_is_not_adopted(tmp_path: Path, adopt: dict[str, str]) -> None:
    with pytest.raises(StepFailure) as caught:
        again(of("staging", adopt, **CHANGED), published(PRODUCTION, tmp_path), tmp_path)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT


def test_a_conversion_of_another_name_is_adopted_by_it(tmp_path: Path) -> None:
    store = published(of("prod", owner="vision/old"), tmp_path)
    with pytest.raises(StepFailure, match="clusterID: prod, and its namespace and name"):
        again(of("staging", **CHANGED), store, tmp_path)
    adopt = {"clusterID": "prod", "namespace": "vision", "name": "old"}
    assert again(of("staging", adopt, **CHANGED), store, tmp_path).adopted == "vision/old of cluster prod"


def test_a_cluster_s_name_that_is_none_is_not_told_to_be_written(tmp_path: Path) -> None:
    store = published(PRODUCTION, tmp_path)
    for held in store.objects.values():
        held.metadata[object_metadata.CLUSTER] = "\x1b[2J}"  # type: ignore[index] # a dict
    with pytest.raises(StepFailure) as caught:
        again(of("staging", **CHANGED), store, tmp_path)
    assert "adoptFrom (its clusterID)" in caught.value.message
    assert caught.value.message.isprintable()
