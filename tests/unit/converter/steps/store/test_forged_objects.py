"""Whoever may write to the bucket, and no more, cannot have something else taken for an artifact that was made.

Every attack here writes objects and their metadata at will, as the bucket's other writers can.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.attacks.hostile_models import FORGED
from tests.unit.converter.signing import signing_keys
from tests.unit.converter.steps.store.buckets import BESIDE, KEY, PAGE, again, published, request
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.names import VERIFYING_KEY_ENV
from tflite_api.reasons import Reason
from tflite_api.resource.status import Attestation, Benchmark, CalibrationData
from tflite_api.steps.step import StepRequest, StepResult
from tflite_converter.core.failure import StepFailure
from tflite_converter.signing import dsse
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.store import Fault, Location, StoreError

UNSIGNED = request(attestation=None)
SIGNED = request()


pytestmark = pytest.mark.usefixtures("keys", "fetched_by_hand")


def result_of(held: Held, asked: StepRequest) -> StepResult:
    found = object_metadata.stored_result(held.shown, identity(asked, asked.spec.destination.s3))
    assert found is not None
    return found


def claiming(store: MemoryStore, asked: StepRequest, content: bytes | None = None, **claims: Any) -> None:
    """Write an artifact whose metadata say so, and agree with each other and with the object."""
    before = store.objects[KEY]
    made = content if content is not None else before.content
    told = result_of(before, asked).model_copy(update=claims)
    assert told.artifact is not None
    here = told.artifact.model_copy(update={"sha256": hashlib.sha256(made).hexdigest(), "size_bytes": len(made)})
    wanted = identity(asked, asked.spec.destination.s3)
    metadata = object_metadata.encode_metadata(told.model_copy(update={"artifact": here}), wanted)
    store.objects[KEY] = Held(made, metadata)


@pytest.mark.parametrize("asked", [UNSIGNED, SIGNED, request(attestation={})], ids=["none", "signed", "unsigned"])
def test_what_was_made_is_reused_once_it_was_read(asked: StepRequest, tmp_path: Path) -> None:
    store = published(asked, tmp_path)
    found = again(asked, store, tmp_path).reused
    assert found is not None
    assert KEY in store.read
    trusted = "whoever may write to the bucket is trusted" in found.message
    assert trusted == (asked is not SIGNED)
    assert ("signed by SHA256:" in found.message) == (asked is SIGNED)


def test_a_text_that_says_it_is_the_artifact_is_none(tmp_path: Path) -> None:
    store = published(UNSIGNED, tmp_path)
    claiming(store, UNSIGNED, b"forty bytes of text that are no model...")
    assert again(UNSIGNED, store, tmp_path).reused is None


OTHER = FORGED + b"another"


def test_what_is_over_the_budget_is_not_reused_though_it_says_that_it_was_made_for_it(tmp_path: Path) -> None:
    asked = request(attestation=None, budget={"maxSizeBytes": len(FORGED)})
    store = published(asked, tmp_path)
    assert again(asked, store, tmp_path).reused is not None
    claiming(store, asked, FORGED + b"!")
    assert again(asked, store, tmp_path).reused is None


def test_a_benchmark_is_reused_with_its_artifact_where_it_fits_the_budget(tmp_path: Path) -> None:
    asked = request(attestation=None, budget={"maxArenaBytes": 64})
    measured = Benchmark(runtime="LiteRT", arena_bytes=64)
    store = published(asked, tmp_path, benchmark=measured.to_object())
    found = again(asked, store, tmp_path).reused
    assert found is not None
    assert found.benchmark == measured
    assert "of this recipe, with the benchmark of when it was made" in found.message


@pytest.mark.parametrize("claimed", [Benchmark(runtime="LiteRT", arena_bytes=65), None])
def test_a_benchmark_that_does_not_fit_the_budget_is_not_believed(tmp_path: Path, claimed: Benchmark | None) -> None:
    asked = request(attestation=None, budget={"maxArenaBytes": 64})
    store = published(asked, tmp_path, benchmark={"runtime": "LiteRT", "arenaBytes": 64})
    claiming(store, asked, benchmark=claimed)
    assert again(asked, store, tmp_path).reused is None


def without_checksum(held: Held) -> Held:
    """Most storages keep none of an object that was uploaded without one."""
    return dataclasses.replace(held, said=dataclasses.replace(held.shown, sha256=None))


def test_other_bytes_than_the_metadata_say_are_not_reused(tmp_path: Path) -> None:
    store = published(UNSIGNED, tmp_path)
    before = store.objects[KEY]
    swapped = Held(FORGED[:-1] + b"!", before.metadata)
    store.objects[KEY] = without_checksum(swapped)
    assert again(UNSIGNED, store, tmp_path).reused is None


@pytest.mark.parametrize("content", [FORGED + bytes(1 << 22), FORGED[:-1]], ids=["longer", "shorter"])
def test_an_object_that_is_longer_or_shorter_than_it_says_is_not_reused(tmp_path: Path, content: bytes) -> None:
    store = published(UNSIGNED, tmp_path)
    before = store.objects[KEY]
    store.objects[KEY] = Held(content, before.metadata, said=dataclasses.replace(before.shown, sha256=None))
    assert again(UNSIGNED, store, tmp_path).reused is None


@pytest.mark.parametrize(
    "claims",
    [
        {"verdict": Reason.REPORT_ONLY},
        {"verdict": Reason.PENDING},
        {"verdict": None},
        {"verification": None},
    ],
    ids=str,
)
def test_a_measurement_that_does_not_pass_the_gate_is_not_believed(tmp_path: Path, claims: dict[str, Any]) -> None:
    store = published(UNSIGNED, tmp_path)
    claiming(store, UNSIGNED, **claims)
    assert again(UNSIGNED, store, tmp_path).reused is None


def test_a_measurement_below_the_gate_is_not_believed(tmp_path: Path) -> None:
    store = published(UNSIGNED, tmp_path)
    measured = result_of(store.objects[KEY], UNSIGNED).verification
    assert measured is not None
    claiming(store, UNSIGNED, verification=measured.model_copy(update={"snr_decibels": "3"}))
    assert again(UNSIGNED, store, tmp_path).reused is None


def test_what_was_called_proved_on_the_inputs_that_it_was_calibrated_on_is_made_again(tmp_path: Path) -> None:
    store = published(UNSIGNED, tmp_path)
    provenance = result_of(store.objects[KEY], UNSIGNED).provenance
    assert provenance is not None
    synthetic = CalibrationData(source="Synthetic", samples=20)
    claiming(store, UNSIGNED, provenance=provenance.model_copy(update={"calibration": synthetic}))
    assert again(UNSIGNED, store, tmp_path).reused is None


def test_words_that_move_a_terminal_are_not_handed_on(tmp_path: Path) -> None:
    store = published(UNSIGNED, tmp_path)
    signature = result_of(store.objects[KEY], UNSIGNED).signature
    assert signature is not None
    claiming(store, UNSIGNED, signature=signature.model_copy(update={"key": "\x1b[2J"}))
    assert again(UNSIGNED, store, tmp_path).reused is None


def test_what_changes_while_it_is_read_is_looked_at_again(tmp_path: Path) -> None:
    class Changing(MemoryStore):
        def get(self, at: Location, etag: str | None = None) -> Any:
            self.objects[at.key] = Held(OTHER)
            return super().get(at, etag)

    with pytest.raises(StepFailure) as caught:
        again(UNSIGNED, Changing(published(UNSIGNED, tmp_path).objects), tmp_path)
    assert caught.value.reason is Reason.DESTINATION_CHANGED


def forged_attestation(store: MemoryStore, content: bytes, **named: Any) -> None:
    """Write an attestation, and an artifact that names it."""
    sha256 = hashlib.sha256(content).hexdigest()
    wanted = identity(SIGNED, SIGNED.spec.destination.s3)
    store.objects[BESIDE] = Held(content, object_metadata.ownership(sha256, wanted))
    said = Attestation(uri="s3://models/" + BESIDE, sha256=sha256, key_id="SHA256:invented")
    claiming(store, SIGNED, attestation=said, **named)


def statement_of(store: MemoryStore) -> dict[str, Any]:
    [envelope] = dsse.envelopes(store.objects[BESIDE].content)
    found: dict[str, Any] = json.loads(envelope.payload)
    return found


def with_nonsense(store: MemoryStore) -> None:
    forged_attestation(store, b"nonsense")


def with_another_key(store: MemoryStore) -> None:
    forged_attestation(store, dsse.seal(statement_of(store), signing_keys.ED25519))


def without_signature(store: MemoryStore) -> None:
    forged_attestation(store, dsse.seal(statement_of(store), None))


def with_another_artifact(store: MemoryStore) -> None:
    claiming(store, SIGNED, OTHER)


def with_another_measurement(store: MemoryStore) -> None:
    measured = result_of(store.objects[KEY], SIGNED).verification
    assert measured is not None
    claiming(store, SIGNED, verification=measured.model_copy(update={"snr_decibels": "188"}))


def with_an_attestation_of_another_recipe(store: MemoryStore) -> None:
    """Take a signed artifact of a recipe with a lower gate for that of this one."""
    content = changed(statement_of(store), "buildDefinition", "internalParameters", recipeHash="7" * 64)
    forged_attestation(store, dsse.seal(content, signing_keys.P256))


def with_an_attestation_of_another_builder(store: MemoryStore) -> None:
    content = changed(statement_of(store), "runDetails", "builder", id="https://other")
    forged_attestation(store, dsse.seal(content, signing_keys.P256))


def with_an_attestation_of_another_kind(store: MemoryStore) -> None:
    content = changed(statement_of(store), "buildDefinition", buildType="https://other")
    forged_attestation(store, dsse.seal(content, signing_keys.P256))


def changed(statement: dict[str, Any], *path: str, **to: Any) -> dict[str, Any]:
    place = statement["predicate"]
    for name in path:
        place = place[name]
    place.update(to)
    return statement


def test_nobody_is_named_as_signer_whose_signature_was_not_checked(tmp_path: Path) -> None:
    asked = request(attestation={})
    store = published(asked, tmp_path)
    made = result_of(store.objects[KEY], asked).attestation
    assert made is not None
    claiming(store, asked, attestation=made.model_copy(update={"key_id": "SHA256:invented"}))
    found = again(asked, store, tmp_path).reused
    assert found is not None
    assert found.attestation is not None
    assert found.attestation.key_id is None


ATTACKS: list[Callable[[MemoryStore], None]] = [
    with_nonsense,
    with_another_key,
    without_signature,
    with_another_artifact,
    with_another_measurement,
]
WITH_THE_KEY: list[Callable[[MemoryStore], None]] = [
    with_an_attestation_of_another_recipe,
    with_an_attestation_of_another_builder,
    with_an_attestation_of_another_kind,
]
"""What the key signed for something else."""


@pytest.mark.parametrize("attack", [*ATTACKS, *WITH_THE_KEY], ids=lambda attack: attack.__name__)
def test_without_the_key_nothing_is_passed_off_as_signed(attack: Callable[[MemoryStore], None], tmp_path: Path) -> None:
    store = published(SIGNED, tmp_path)
    attack(store)
    assert again(SIGNED, store, tmp_path).reused is None


def test_an_attestation_that_was_exchanged_is_made_again(tmp_path: Path) -> None:
    asked = request(attestation={})
    store = published(asked, tmp_path)
    store.objects[BESIDE] = without_checksum(dataclasses.replace(store.objects[BESIDE], content=b"nonsense"))
    assert again(asked, store, tmp_path).reused is None


@pytest.mark.parametrize(
    "key", [None, "no key", signing_keys.public(signing_keys.OTHER).decode()], ids=["none", "no key", "another"]
)
def test_where_the_key_is_not_known_nothing_counts_as_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    store = published(SIGNED, tmp_path)
    monkeypatch.delenv(VERIFYING_KEY_ENV)
    if key is not None:
        monkeypatch.setenv(VERIFYING_KEY_ENV, key)
    assert again(SIGNED, store, tmp_path).reused is None


@pytest.mark.parametrize("attested", [None, {}, {"secretRef": {"name": "signing-key"}}], ids=str)
def test_a_report_page_that_was_exchanged_is_made_again(tmp_path: Path, attested: object) -> None:
    asked = request(attestation=attested, report=True)
    store = published(asked, tmp_path)
    assert again(asked, store, tmp_path).reused is not None
    page = store.objects[PAGE]
    store.objects[PAGE] = without_checksum(dataclasses.replace(page, content=b"<script>"))
    assert again(asked, store, tmp_path).reused is None


def test_a_signature_covers_the_report_page_too(tmp_path: Path) -> None:
    asked = request(report=True)
    store = published(asked, tmp_path)
    digest = hashlib.sha256(b"<script>").hexdigest()
    where = asked.spec.destination.s3
    store.objects[PAGE] = Held(b"<script>", object_metadata.ownership(digest, identity(asked, where)))
    assert again(asked, store, tmp_path).reused is None


def test_a_storage_that_is_too_slow_is_waited_for_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = published(UNSIGNED, tmp_path)
    clock = iter(range(0, 10**9, 10**6))
    slow = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("tflite_converter.steps.destination.time", slow)
    with pytest.raises(StepFailure, match="did not arrive within 1800 s") as caught:
        again(UNSIGNED, store, tmp_path)
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE


def test_a_storage_that_breaks_off_is_asked_again_later(tmp_path: Path) -> None:
    class Broken(MemoryStore):
        def get(self, at: Location, etag: str | None = None) -> Any:
            raise StoreError(Fault.UNAVAILABLE, "broken")

    with pytest.raises(StepFailure) as caught:
        again(UNSIGNED, Broken(published(UNSIGNED, tmp_path).objects), tmp_path)
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
