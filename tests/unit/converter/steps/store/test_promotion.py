"""What is published now is fetched for the container without credentials, where a metric asks for it."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.steps.test_prepare import REQUEST, fetched
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.reasons import Reason
from tflite_api.steps.step import PreparedModel, StepRequest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.step_files import PREPARED_FILE, read_model
from tflite_converter.fetch.fetched import Place
from tflite_converter.steps.identity import identity
from tflite_converter.steps.prepare import prepare
from tflite_converter.storage.object_metadata import Owner, ownership
from tflite_converter.storage.store import Fault, StoreError

__all__ = ["fetched"]

CONTENT = b"\x1c\0\0\0TFL3" + b"published" * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def request(baseline: str | None = "Published", **changes: Any) -> StepRequest:
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", "maxDrop": "0"}
    verification = {
        "samples": {"dataset": "s3://models/test.npz"},
        "metrics": [metric if baseline is None else {**metric, "baseline": baseline}],
    }
    whole = REQUEST.to_object()
    return StepRequest.from_object(
        {**whole, **changes, "spec": {**whole["spec"], "report": False, "verification": verification}}
    )


def held(content: bytes = CONTENT, sha256: str | None = None, conversion: str = "team/a", recipe: str = "7") -> Held:
    """Return what an earlier version of the conversion published."""
    ours = identity(request(), request().spec.destination.s3)
    whose = dataclasses.replace(ours, owner=Owner("prod", conversion), recipe=recipe * 64)
    return Held(content, ownership(sha256 or hashlib.sha256(content).hexdigest(), whose))


def prepared(tmp_path: Path, found: Held | None, asked: StepRequest | None = None, **store: Any) -> PreparedModel:
    objects = {"test.npz": Held(b"samples")} | ({} if found is None else {"a.tflite": found})
    there = MemoryStore(objects)
    there.faults.update(store)
    return prepare(asked or request(), tmp_path, tmp_path, LoggedProgress(), there)


def test_what_is_published_is_handed_on(tmp_path: Path, fetched: list[Place]) -> None:
    done = prepared(tmp_path, held())
    assert done.datasets.published is not None
    assert done.datasets.published.sha256 == SHA256
    assert (tmp_path / done.datasets.published.path).read_bytes() == CONTENT
    assert read_model(tmp_path / PREPARED_FILE, PreparedModel) == done
    assert done.existing_etag == held().etag


@pytest.mark.parametrize(("found", "baseline"), [(None, "Published"), (held(), "Model"), (held(), None)])
def test_nothing_is_fetched_where_there_is_none_or_nothing_asks_for_it(
    tmp_path: Path, fetched: list[Place], found: Held | None, baseline: str | None
) -> None:
    assert prepared(tmp_path, found, request(baseline)).datasets.published is None
    assert not (tmp_path / "published.tflite").exists()


def test_what_another_conversion_published_is_taken_over_with_its_figures(tmp_path: Path, fetched: list[Place]) -> None:
    with pytest.raises(StepFailure, match="holds the artifact of team/b") as caught:
        prepared(tmp_path, held(conversion="team/b"))
    assert caught.value.reason is Reason.DESTINATION_CONFLICT
    whole = request().to_object()
    whole["spec"]["destination"]["s3"]["adoptFrom"] = {"clusterID": "prod", "name": "b"}
    done = prepared(tmp_path, held(conversion="team/b"), StepRequest.from_object(whole))
    assert done.adopted == "team/b"
    assert done.datasets.published is not None


@pytest.mark.parametrize(
    ("found", "limits", "words"),
    [
        (held(b"hello" * 9), {}, "it is no TensorFlow Lite file"),
        (held(sha256="0" * 64), {}, f"its content (SHA-256 {SHA256}) is another than its conversion published"),
        (held(), {"maxArchiveBytes": 100}, "it has 368 B, and at most 100 B are fetched"),
    ],
)
def test_what_cannot_be_a_baseline_is_refused_before_the_model_is_fetched(
    tmp_path: Path, fetched: list[Place], found: Held, limits: dict[str, int], words: str
) -> None:
    with pytest.raises(StepFailure) as caught:
        prepared(tmp_path, found, request(limits=limits))
    assert caught.value.reason is Reason.BASELINE_UNUSABLE
    assert "The published artifact s3://models/a.tflite cannot be the baseline: " in caught.value.message
    assert words in caught.value.message
    assert fetched == []


class Vanishing(MemoryStore):
    """A bucket whose artifact is deleted as soon as it was seen."""

    def get(self, at: Any, etag: str | None = None) -> Any:
        if at.key == "a.tflite":
            raise StoreError(Fault.NO_OBJECT, f"There is no {at.uri}")
        return super().get(at, etag)


def test_what_vanishes_is_looked_for_again(
    tmp_path: Path, fetched: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Vanishing({"test.npz": Held(b"samples"), "a.tflite": held()})
    with pytest.raises(StepFailure) as caught:
        prepare(request(), tmp_path, tmp_path, LoggedProgress(), store)
    assert caught.value.reason is Reason.DESTINATION_CHANGED
