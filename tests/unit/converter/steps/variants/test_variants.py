"""Steps do for each variant what they do for one conversion, and once what variants have in common."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import report_pages
from tests.unit.converter.steps.convert_output import ARTIFACT, REPORT
from tests.unit.converter.steps.store.test_promotion import CONTENT
from tests.unit.converter.steps.test_prepare import fetched
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.reasons import Reason
from tflite_api.resource.recipe import recipe_hash
from tflite_api.steps.step import PreparedModel, StepRequest, StepResult
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.step_files import PREPARED_FILE, read_model, variant_folder
from tflite_converter.fetch.fetched import Place
from tflite_converter.steps import cleanup, prepare, publish
from tflite_converter.steps.identity import identity
from tflite_converter.steps.prepare import prepare_variants
from tflite_converter.steps.publish import publish_variants
from tflite_converter.storage import object_metadata

__all__ = ["fetched"]

GPU, PLAIN = {"name": "gpu", "quantization": {"type": "Float16"}}, {"name": "plain"}
ALL = ["gpu", "plain"]
INVOCATION = {"id": "11111111-2222-3333-4444-555555555555/2/3", "image": "registry.example.com/converter:1"}


def request(*variants: dict[str, Any], **changes: Any) -> StepRequest:
    spec = {
        "model": {"handle": "https://example.com/model/1"},
        "verification": {"minSNRDecibels": 30},
        "destination": {"s3": {"bucket": "models", "key": "a/{variant}.tflite", "secretRef": {"name": "s"}}},
        "variants": list(variants) or [GPU, PLAIN],
        **changes,
    }
    return StepRequest.from_object({"owner": "team/a", "cluster": "prod", "spec": spec, "invocation": INVOCATION})


class Bucket(MemoryStore):
    """A bucket, and the folders of one attempt after the other at it."""

    def __init__(self, folder: Path, objects: Mapping[str, Held] | None = None) -> None:
        super().__init__(objects)
        self._folder = folder
        self._attempts = 0
        self.models = self.outputs = folder

    def attempt(self, asked: StepRequest) -> Mapping[str, PreparedModel]:
        """Prepare anew."""
        self._attempts += 1
        self.models, self.outputs = (self._folder / f"{name}-{self._attempts}" for name in ("models", "outputs"))
        self.models.mkdir()
        self.outputs.mkdir()
        return prepare_variants(asked, self.models, self._folder, LoggedProgress(), self)

    def converted(self, *names: str, **reported: Any) -> None:
        """Leave what convert leaves of these variants."""
        for name in names:
            folder = variant_folder(self.outputs, name)
            folder.mkdir(parents=True)
            content = ARTIFACT + name.encode()
            sha256 = hashlib.sha256(content).hexdigest()
            (folder / "model.tflite").write_bytes(content)
            (folder / "converted.json").write_text(json.dumps({**REPORT, "sha256": sha256, **reported}))
            data = report_pages.data().model_dump_json(by_alias=True, exclude_none=True)
            (folder / "report.json").write_text(data)

    def failed(self, name: str, reason: str = "VerificationFailed", **more: Any) -> None:
        """Leave what convert leaves of a variant that cannot be."""
        folder = variant_folder(self.outputs, name)
        folder.mkdir(parents=True, exist_ok=True)
        told = {"reason": reason, "message": "as it is", "cureGiven": True, **more}
        (folder / "failed.json").write_text(json.dumps(told))

    def published(self, asked: StepRequest, prepared: Mapping[str, PreparedModel]) -> StepResult:
        return publish_variants(asked, prepared, self.outputs, LoggedProgress(), self)

    def whole(self, asked: StepRequest) -> StepResult:
        """Do all steps, and let every variant go well."""
        prepared = self.attempt(asked)
        self.converted(*(name for name, one in prepared.items() if one.reused is None))
        return self.published(asked, prepared)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    """One with nothing in it."""
    return Bucket(tmp_path)


def test_variants_are_fetched_once_and_published_each(bucket: Bucket, fetched: list[Place]) -> None:
    asked = request()
    done = bucket.whole(asked)
    assert len(fetched) == 1
    assert bucket.written[-2:] == ["a/gpu.tflite", "a/plain.tflite"]
    assert [bucket.objects[f"a/{name}.tflite"].content for name in ALL] == [ARTIFACT + name.encode() for name in ALL]
    assert (done.reason, done.verdict) == (Reason.CONVERTED, Reason.SNR_SUFFICIENT)
    assert [(one.name, one.reason, one.artifact and one.artifact.uri) for one in done.variants or ()] == [
        ("gpu", "Converted", "s3://models/a/gpu.tflite"),
        ("plain", "Converted", "s3://models/a/plain.tflite"),
    ]
    assert done.provenance is not None
    assert done.provenance.recipe_hash == recipe_hash(asked.spec)
    assert [bucket.objects[f"a/{name}.tflite"].metadata["tflite-recipe"] for name in ALL] == [
        recipe_hash(one) for one in asked.spec.by_variant.values()
    ]


def test_what_prepare_leaves_is_what_the_other_containers_read(bucket: Bucket, fetched: list[Place]) -> None:
    for name, one in bucket.attempt(request()).items():
        assert read_model(variant_folder(bucket.models, name) / PREPARED_FILE, PreparedModel) == one
        assert (one.path, one.model_digest) == ("unpacked", f"sha256:{'3' * 64}")


def test_variants_that_are_there_are_all_reused(bucket: Bucket, fetched: list[Place]) -> None:
    bucket.whole(request())
    prepared = bucket.attempt(request())
    assert len(fetched) == 1
    done = bucket.published(request(), prepared)
    assert done.reason is Reason.REUSED
    assert done.message == "2 variants: gpu reused at 90.0 dB, plain reused at 90.0 dB"


def test_only_a_variant_that_changed_is_made_again(bucket: Bucket, fetched: list[Place]) -> None:
    bucket.whole(request())
    changed = request(GPU, {**PLAIN, "minSNRDecibels": 40}, {"name": "new"})
    prepared = bucket.attempt(changed)
    assert [name for name, one in prepared.items() if one.reused is None] == ["plain", "new"]
    bucket.converted("plain", "new")
    done = bucket.published(changed, prepared)
    assert [(one.name, one.reason) for one in done.variants or ()] == [
        ("gpu", "Reused"),
        ("plain", "Converted"),
        ("new", "Converted"),
    ]


def test_what_one_conversion_made_is_reused_by_its_variant(
    bucket: Bucket, fetched: list[Place], tmp_path: Path
) -> None:
    gpu = request().by_variant["gpu"]
    bucket.attempt(request())
    bucket.converted("gpu")
    ready = PreparedModel(path=".", model_digest=f"sha256:{'3' * 64}")
    publish.publish(gpu, ready, variant_folder(bucket.outputs, "gpu"), LoggedProgress(), bucket)
    prepared = bucket.attempt(request())
    assert {name: one.reused is not None for name, one in prepared.items()} == {"gpu": True, "plain": False}
    (tmp_path / "single").mkdir()
    assert prepare.prepare(gpu, tmp_path / "single", tmp_path, LoggedProgress(), bucket).reused is not None


def test_a_variant_that_failed_keeps_no_other_back(bucket: Bucket, fetched: list[Place]) -> None:
    prepared = bucket.attempt(request())
    bucket.converted("plain")
    measured = {**REPORT["verification"], "snrDecibels": "12.5"}
    bucket.failed("gpu", verification=measured, benchmark={"runtime": "LiteRT", "arenaBytes": 7})
    done = bucket.published(request(), prepared)
    assert (done.reason, done.message, done.cure_given) == (
        Reason.VERIFICATION_FAILED,
        "Variant gpu: as it is",
        True,
    )
    assert [(one.name, one.reason, one.snr_decibels) for one in done.variants or ()] == [
        ("gpu", "VerificationFailed", "12.5"),
        ("plain", "Converted", "90.0"),
    ]
    assert [one.benchmark and one.benchmark.arena_bytes for one in done.variants or ()] == [7, None]
    assert set(bucket.objects) == {"a/plain.tflite"}
    again = bucket.attempt(request())
    assert {name: one.reused is not None for name, one in again.items()} == {"gpu": False, "plain": True}


@pytest.mark.parametrize("reason", ["StorageUnavailable", "ModelLoadFailed", "Converted", "OutOfMemory"])
def test_what_cannot_be_wrong_with_one_variant_is_not_believed_of_one(
    bucket: Bucket, fetched: list[Place], reason: str
) -> None:
    prepared = bucket.attempt(request())
    bucket.converted(*ALL)
    bucket.failed("gpu", reason)
    with pytest.raises(StepFailure, match=r"Variant gpu: .* which is about more than one variant") as caught:
        bucket.published(request(), prepared)
    assert caught.value.reason is Reason.ARTIFACT_REFUSED
    assert bucket.objects == {}


def test_a_report_of_a_failure_that_is_none_is_refused(bucket: Bucket, fetched: list[Place]) -> None:
    prepared = bucket.attempt(request())
    bucket.converted(*ALL)
    failed = variant_folder(bucket.outputs, "gpu") / "failed.json"
    for target in ("/proc/self/environ", "nowhere"):
        failed.symlink_to(target)
        with pytest.raises(StepFailure, match=r"failed\.json cannot be opened as a plain file"):
            bucket.published(request(), prepared)
        failed.unlink()
    failed.write_text("[]")
    with pytest.raises(StepFailure, match=r"failed\.json is malformed"):
        bucket.published(request(), prepared)


@pytest.mark.parametrize("place", ["variants", "variants/gpu"])
def test_a_folder_that_leads_elsewhere_is_refused(bucket: Bucket, fetched: list[Place], place: str) -> None:
    prepared = bucket.attempt(request())
    bucket.converted(*ALL)
    elsewhere = bucket.outputs.with_name("elsewhere")
    (bucket.outputs / place).rename(elsewhere)
    (bucket.outputs / place).symlink_to(elsewhere)
    with pytest.raises(StepFailure, match="a link leads out of its folder"):
        bucket.published(request(), prepared)
    assert bucket.objects == {}


def test_each_variant_is_held_to_its_own_gate(bucket: Bucket, fetched: list[Place]) -> None:
    asked = request({**GPU, "minSNRDecibels": 95}, PLAIN)
    prepared = bucket.attempt(asked)
    bucket.converted(*ALL)
    with pytest.raises(StepFailure, match=r"Variant gpu: .* calls the SNR sufficient for 95 dB"):
        bucket.published(asked, prepared)


def test_an_object_in_the_way_of_one_is_found_before_anything_is_fetched(tmp_path: Path, fetched: list[Place]) -> None:
    bucket = Bucket(tmp_path, {"a/plain.tflite": Held(b"foreign")})
    with pytest.raises(StepFailure, match=r"Variant plain: s3://models/a/plain\.tflite holds an object") as caught:
        bucket.attempt(request())
    assert caught.value.reason is Reason.DESTINATION_CONFLICT
    assert fetched == []
    assert set(bucket.objects) == {"a/plain.tflite"}


def test_a_page_in_the_way_of_one_is_found_before_anything_is_fetched(tmp_path: Path, fetched: list[Place]) -> None:
    bucket = Bucket(tmp_path, {"a/plain.tflite.report.html": Held(b"foreign")})
    with pytest.raises(StepFailure, match=r"Variant plain: s3://models/a/plain\.tflite\.report\.html holds"):
        bucket.attempt(request(report=True))
    assert fetched == []


def test_pages_and_attestations_are_beside_each(bucket: Bucket, fetched: list[Place]) -> None:
    asked = request(report=True, attestation={})
    done = bucket.whole(asked)
    suffixes = (".tflite", ".tflite.report.html", ".tflite.intoto.jsonl")
    assert set(bucket.objects) == {f"a/{name}{suffix}" for name in ALL for suffix in suffixes}
    for one in done.variants or ():
        assert one.artifact is not None
        assert one.artifact.report_uri == f"s3://models/a/{one.name}.tflite.report.html"
        assert one.attestation is not None
        assert one.attestation.uri == f"s3://models/a/{one.name}.tflite.intoto.jsonl"
    again = bucket.published(asked, bucket.attempt(asked))
    assert again.reason is Reason.REUSED
    assert len(fetched) == 1


def test_what_each_is_held_against_is_what_is_published_of_it(bucket: Bucket, fetched: list[Place]) -> None:
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", "maxDrop": "0", "baseline": "Published"}
    verification = {"samples": {"dataset": "s3://models/test.npz"}, "metrics": [metric]}
    asked = request(GPU, PLAIN, {"name": "new"}, verification=verification)
    bucket.objects["test.npz"] = Held(b"samples")
    for name, content in (("gpu", CONTENT), ("plain", CONTENT + b"2")):
        one = asked.by_variant[name]
        whose = object_metadata.ownership(hashlib.sha256(content).hexdigest(), identity(one, one.spec.destination.s3))
        bucket.objects[f"a/{name}.tflite"] = Held(content, {**whose, "tflite-recipe": "7" * 64})
    prepared = bucket.attempt(asked)
    published = {name: one.datasets.published for name, one in prepared.items()}
    assert published["new"] is None
    for name, content in (("gpu", CONTENT), ("plain", CONTENT + b"2")):
        found = published[name]
        assert found is not None
        assert (bucket.models / found.path).read_bytes() == content
    assert all(one.datasets.verification is not None for one in prepared.values())
    assert bucket.read.count("test.npz") == 1


def test_the_calibration_is_fetched_where_any_needs_it(bucket: Bucket, fetched: list[Place]) -> None:
    bucket.objects["samples.npz"] = Held(b"samples")
    quantization = {"type": "Int8", "calibration": {"dataset": "s3://models/samples.npz"}}
    for variants, reads in (([GPU, PLAIN], 1), ([GPU, {**PLAIN, "quantization": {"type": "None"}}], 0)):
        bucket.read.clear()
        prepared = bucket.attempt(request(*variants, quantization=quantization))
        assert bucket.read.count("samples.npz") == reads
        assert {one.datasets.calibration is not None for one in prepared.values()} == {bool(reads)}


def test_the_storage_is_tried_once_and_only_where_something_is_new(bucket: Bucket, fetched: list[Place]) -> None:
    bucket.attempt(request())
    tried = [key for key in bucket.deleted if key.endswith(".write-test")]
    assert tried == ["a/gpu.tflite.write-test"]


def test_an_upload_over_what_another_wrote_meanwhile_is_told_of_its_variant(
    bucket: Bucket, fetched: list[Place]
) -> None:
    prepared = bucket.attempt(request())
    bucket.converted(*ALL)
    bucket.objects["a/plain.tflite"] = Held(b"another's")
    with pytest.raises(StepFailure, match="Variant plain: ") as caught:
        bucket.published(request(), prepared)
    assert caught.value.reason is Reason.DESTINATION_CHANGED
    again = bucket.objects.pop("a/plain.tflite")
    assert again.content == b"another's"
    assert {name: one.reused is not None for name, one in bucket.attempt(request()).items()} == {
        "gpu": True,
        "plain": False,
    }


def test_all_that_variants_left_is_cleaned_up(bucket: Bucket, fetched: list[Place]) -> None:
    asked = request(report=True, attestation={})
    bucket.whole(asked)
    bucket.objects["a/other.tflite"] = Held(b"another's")
    done = cleanup.clean_up(asked, LoggedProgress(), bucket)
    assert set(bucket.objects) == {"a/other.tflite"}
    assert done.reason is Reason.ARTIFACT_DELETED
    assert "s3://models/a/gpu.tflite was deleted" in done.message
    assert "s3://models/a/plain.tflite was deleted" in done.message


def test_what_became_of_many_long_keys_fits_into_a_message(bucket: Bucket) -> None:
    where = {"bucket": "models", "key": "k" * 900 + "/{variant}", "secretRef": {"name": "s"}}
    asked = request(*({"name": f"v{number}"} for number in range(8)), destination={"s3": where})
    assert cleanup.clean_up(asked, LoggedProgress(), bucket).message.startswith("s3://models/kkk")
