"""An artifact in the bucket is reused with the attestation that is wanted, and else made anew."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.converter.steps.store.buckets import BESIDE, KEY, MEASURED, again, published, request
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchedDatasets, StepRequest
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch import dataset
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Owner

pytestmark = pytest.mark.usefixtures("keys", "fetched_by_hand")

SIGNED, UNSIGNED, NONE = request(), request(attestation={}), request(attestation=None)


def test_both_are_reused_and_the_status_says_where_they_are(tmp_path: Path) -> None:
    found = again(SIGNED, published(SIGNED, tmp_path), tmp_path).reused
    assert found is not None
    assert found.reason is Reason.REUSED
    assert found.attestation is not None
    assert found.attestation.uri == f"s3://models/{BESIDE}"
    assert found.attestation.key_id is not None
    assert f"signed by {found.attestation.key_id}" in found.message


def test_an_unsigned_one_is_enough_where_no_key_is_named(tmp_path: Path) -> None:
    for made_for in (UNSIGNED, SIGNED):
        found = again(UNSIGNED, published(made_for, tmp_path), tmp_path).reused
        assert found is not None
        assert found.attestation is not None
        assert "whoever may write to the bucket is trusted" in found.message


def test_where_none_is_wanted_the_one_that_is_there_is_not_spoken_of(tmp_path: Path) -> None:
    found = again(NONE, published(SIGNED, tmp_path), tmp_path).reused
    assert found is not None
    assert (found.reason, found.attestation) == (Reason.REUSED, None)


def made_without(store: MemoryStore, tmp_path: Path) -> None:
    store.objects = published(NONE, tmp_path).objects


def made_without_signature(store: MemoryStore, tmp_path: Path) -> None:
    store.objects = published(UNSIGNED, tmp_path).objects


def gone(store: MemoryStore, tmp_path: Path) -> None:
    del store.objects[BESIDE]


def changed(store: MemoryStore, tmp_path: Path) -> None:
    store.objects[BESIDE] = replace(store.objects[BESIDE], content=b"changed")


@pytest.mark.parametrize("harm", [made_without, made_without_signature, gone, changed], ids=lambda harm: harm.__name__)
def test_without_it_the_artifact_is_made_anew(tmp_path: Path, harm: Callable[[MemoryStore, Path], None]) -> None:
    store = published(SIGNED, tmp_path)
    harm(store, tmp_path)
    made = again(SIGNED, store, tmp_path)
    assert made.reused is None
    assert made.existing_etag == store.objects[KEY].etag
    beside = store.objects.get(BESIDE)
    assert made.existing_attestation_etag == (beside.etag if beside is not None else None)
    assert made.started is not None


OF_ANOTHER = object_metadata.ownership(
    "8" * 64, replace(identity(SIGNED, SIGNED.spec.destination.s3), owner=Owner("prod", "team/other"))
)


@pytest.mark.parametrize("metadata", [{}, OF_ANOTHER])
def test_an_object_of_somebody_else_in_its_place_is_a_conflict_before_anything_is_fetched(
    tmp_path: Path, metadata: dict[str, str]
) -> None:
    with pytest.raises(StepFailure, match=r"a/b\.tflite\.intoto\.jsonl") as caught:
        again(SIGNED, MemoryStore({BESIDE: Held(b"x", metadata)}), tmp_path)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT


def measured(tmp_path: Path, **asked: str) -> tuple[MemoryStore, StepRequest]:
    """Return a bucket with an artifact whose metrics were measured, and what asked for it."""
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", **asked}
    samples = {"dataset": "https://example.com/samples.npz"}
    wanted = request(attestation=None, verification={"samples": samples, "metrics": [metric]})
    shown = {"samples": 50, **dict.fromkeys(("model", "artifact"), figure("0.95")), "drop": figure("0")}
    metrics = [{"name": "Top1Accuracy", "output": "y", **shown}]
    return published(wanted, tmp_path, verification={**MEASURED, "metrics": metrics}), wanted


def figure(value: str) -> dict[str, str]:
    return dict.fromkeys(("value", "low", "high"), value)


def test_an_artifact_is_reused_with_its_metrics(tmp_path: Path) -> None:
    store, wanted = measured(tmp_path, min="0.9")
    found = again(wanted, store, tmp_path).reused
    assert found is not None
    assert found.verification is not None
    assert [each.artifact.value for each in found.verification.metrics or ()] == ["0.95"]


def test_an_artifact_whose_metadata_show_no_metrics_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "fetch_all", lambda *_: FetchedDatasets())
    store, wanted = measured(tmp_path, min="0.9")
    owner = identity(wanted, wanted.spec.destination.s3)
    kept = again(wanted, store, tmp_path).reused
    assert kept is not None
    assert kept.verification is not None
    bare = kept.model_copy(
        update={
            "reason": Reason.CONVERTED,
            "verification": kept.verification.model_copy(update={"metrics": None}),
        }
    )
    store.objects[KEY] = replace(store.objects[KEY], metadata=object_metadata.encode_metadata(bare, owner))
    assert again(wanted, store, tmp_path).reused is None


def test_what_type_auto_chose_and_tried_is_told_again(tmp_path: Path) -> None:
    def searching(*candidates: str) -> StepRequest:
        auto = {"type": "Auto", "auto": {"candidates": list(candidates)}}
        return request(quantization=auto, verification={"minSNRDecibels": 25})

    asked = searching("Float16", "WeightOnlyInt4")
    chosen = {"type": "WeightOnlyInt4", "keepInt8": {"tensors": ["model/dense/BiasAdd"]}}
    trials = [
        {"type": "WeightOnlyInt4", "outcome": "Missed", "sizeBytes": 900, "snrDecibels": "18.1"},
        {"type": "WeightOnlyInt4", "outcome": "Chosen", "sizeBytes": 950, "snrDecibels": "26.0", "keptLayers": 1},
    ]
    found = again(asked, published(asked, tmp_path, quantization=chosen, trials=trials), tmp_path).reused
    assert found is not None
    assert found.reason is Reason.REUSED
    told = found.to_object()
    assert told["quantization"] == chosen
    assert told["trials"] == trials
    other = searching("WeightOnlyInt4")
    assert again(other, published(asked, tmp_path, quantization=chosen, trials=trials), tmp_path).reused is None


def test_an_artifact_is_reused_with_its_targets_and_made_anew_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "fetch_all", lambda *_: FetchedDatasets())
    wanted = request(attestation=None, targets=[{"name": "GPU"}])
    shown = {"name": "GPU", "tool": "t", "operators": 4, "onTarget": 3}
    store = published(wanted, tmp_path, targets=[shown])
    kept = again(wanted, store, tmp_path).reused
    assert kept is not None
    assert [each.to_object() for each in kept.targets or ()] == [shown]
    bare = kept.model_copy(update={"reason": Reason.CONVERTED, "targets": None})
    owner = identity(wanted, wanted.spec.destination.s3)
    store.objects[KEY] = replace(store.objects[KEY], metadata=object_metadata.encode_metadata(bare, owner))
    assert again(wanted, store, tmp_path).reused is None
