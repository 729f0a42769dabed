"""What prepare finds in the bucket decides whether anything is fetched."""

from pathlib import Path

import pytest

from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tests.unit.converter.storage.test_object_metadata import CONTENT, SHA256, stored
from tflite_api.reasons import Reason
from tflite_api.steps.step import PreparedModel, StepRequest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import model
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.steps.identity import identity
from tflite_converter.steps.prepare import prepare
from tflite_converter.storage.object_metadata import Identity, Owner, ownership
from tflite_converter.storage.store import StoredObject

REQUEST = StepRequest.from_object(
    {
        "owner": "team/a",
        "cluster": "prod",
        "spec": {
            "model": {"handle": "https://example.com/model/1"},
            "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}},
            "report": True,
        },
    }
)
OURS = identity(REQUEST, REQUEST.spec.destination.s3)
PAGE = "a.tflite.report.html"


def page(owner: Owner = OURS.owner, recipe: str = OURS.recipe) -> StoredObject:
    return StoredObject('"page"', 100, SHA256, ownership(SHA256, Identity(OURS.uri, owner, recipe)))


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """Stand in for the model's server; tests/e2e/artifacts/test_report.py has the real ones."""
    places: list[Place] = []

    def fetch(_: object, place: Place) -> FetchedModel:
        places.append(place)
        return FetchedModel(place.folder, f"sha256:{'3' * 64}")

    monkeypatch.setattr(model, "fetch", fetch)
    return places


def prepared(tmp_path: Path, found: dict[str, StoredObject], request: StepRequest = REQUEST) -> PreparedModel:
    store = MemoryStore({key: Held(CONTENT, said=said) for key, said in found.items()})
    return prepare(request, tmp_path, tmp_path, LoggedProgress(), store)


def test_an_artifact_with_its_page_is_reused(tmp_path: Path, fetched: list[Place]) -> None:
    done = prepared(tmp_path, {"a.tflite": stored(OURS), PAGE: page()})
    assert done.reused is not None
    assert done.reused.artifact is not None
    assert done.reused.artifact.report_uri == "s3://models/a.tflite.report.html"
    assert fetched == []


@pytest.mark.parametrize("found", [{}, {PAGE: page(recipe="7" * 64)}])
def test_an_artifact_without_the_page_of_its_recipe_is_made_again(
    tmp_path: Path, fetched: list[Place], found: dict[str, StoredObject]
) -> None:
    done = prepared(tmp_path, {"a.tflite": stored(OURS), **found})
    assert done.reused is None
    assert len(fetched) == 1
    assert (done.existing_etag, done.existing_page_etag) == ('"tag"', '"page"' if found else None)


@pytest.mark.parametrize(
    "found", [page(owner=Owner("prod", "team/b"), recipe="7" * 64), StoredObject('"x"', 4, None, {})]
)
def test_the_page_of_another_is_found_before_anything_is_fetched(
    tmp_path: Path, fetched: list[Place], found: StoredObject
) -> None:
    with pytest.raises(StepFailure) as caught:
        prepared(tmp_path, {PAGE: found})
    assert caught.value.reason is Reason.DESTINATION_CONFLICT
    assert "a.tflite.report.html" in caught.value.message
    assert fetched == []


def test_where_no_report_is_asked_for_its_place_is_not_looked_at(tmp_path: Path, fetched: list[Place]) -> None:
    plain = REQUEST.model_copy(update={"spec": REQUEST.spec.model_copy(update={"report": False})})
    done = prepared(tmp_path, {"a.tflite": stored(OURS), PAGE: StoredObject('"x"', 4, None, {})}, plain)
    assert done.reused is not None
    assert done.reused.artifact is not None
    assert done.reused.artifact.report_uri is None
    assert fetched == []
