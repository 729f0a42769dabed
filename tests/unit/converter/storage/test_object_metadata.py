"""What the metadata of an object means for a new conversion."""

import base64
import dataclasses
import hashlib
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import MOST_METRICS, Metric, MetricName
from tflite_api.resource.quantization_types import FIXED
from tflite_api.resource.status import (
    Artifact,
    ArtifactSignature,
    Baseline,
    Benchmark,
    Estimate,
    MeasuredError,
    MeasuredMetric,
    Provenance,
    ReferenceKernels,
    TargetFit,
    Tensor,
    Trial,
)
from tflite_api.steps import packing
from tflite_api.steps.step import StepResult
from tflite_converter.core.failure import StepFailure
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import (
    METADATA_BYTES,
    Identity,
    Owner,
    Reuse,
    Write,
    decide,
    encode_metadata,
)
from tflite_converter.storage.store import StoredObject

WANTED = Identity("s3://models/a.tflite", Owner("prod", "team/a"), "1" * 64)
CONTENT = b"\x1c\0\0\0TFL3" + bytes(92)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def result(tensors: int = 1, recipe: str = WANTED.recipe) -> StepResult:
    many = tuple(Tensor(name=f"input-{hash(number)}", dtype="float32", shape=(number, 2)) for number in range(tensors))
    return StepResult(
        reason=Reason.CONVERTED,
        message="SNR 90.0 dB",
        verdict=Reason.SNR_SUFFICIENT,
        artifact=Artifact(uri=WANTED.uri, sha256=SHA256, size_bytes=100),
        signature=ArtifactSignature(key="serving_default", inputs=many, outputs=many),
        verification=MeasuredError(
            snr_decibels="90.0", max_absolute_error="0.1", cosine="1", samples=4, source="Generated"
        ),
        provenance=Provenance(
            model_digest=f"sha256:{'3' * 64}", recipe_hash=recipe, tensorflow="2.21.0", strategy="Plain"
        ),
    )


def stored(owner: Identity = WANTED, **changes: Any) -> StoredObject:
    whole = result(recipe=owner.recipe)
    return dataclasses.replace(StoredObject('"tag"', 100, SHA256, encode_metadata(whole, owner)), **changes)


def changed(name: str, value: str) -> StoredObject:
    return stored(metadata={**stored().metadata, name: value})


def test_nothing_there_is_written() -> None:
    assert decide(None, WANTED) == Write(replaces=None)


@pytest.mark.parametrize("sha256", [SHA256, None])
@pytest.mark.parametrize("owner", [WANTED, dataclasses.replace(WANTED, owner=Owner("prod", "other/b"))])
def test_the_artifact_of_this_recipe_is_reused_whoever_made_it(owner: Identity, sha256: str | None) -> None:
    decision = decide(stored(owner, sha256=sha256), WANTED)
    assert isinstance(decision, Reuse)
    assert decision.result.reason is Reason.REUSED
    assert decision.result.artifact == Artifact(uri=WANTED.uri, sha256=SHA256, size_bytes=100, etag='"tag"')
    for name in ("signature", "verification", "verdict", "provenance"):
        assert getattr(decision.result, name) == getattr(result(), name)


def test_where_one_more_run_was_asked_for_nothing_is_reused() -> None:
    assert decide(stored(), WANTED, forced=True) == Write(replaces='"tag"')
    with pytest.raises(StepFailure) as caught:
        decide(stored(dataclasses.replace(WANTED, owner=Owner("prod", "team/b"))), WANTED, forced=True)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT


def test_our_own_object_of_another_recipe_is_replaced_on_condition() -> None:
    assert decide(stored(dataclasses.replace(WANTED, recipe="9" * 64)), WANTED) == Write(replaces='"tag"')


def test_the_object_of_another_conversion_is_a_conflict_that_names_it() -> None:
    with pytest.raises(StepFailure, match="other/b") as caught:
        decide(stored(Identity(WANTED.uri, Owner("prod", "other/b"), "9" * 64)), WANTED)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT


@pytest.mark.parametrize("metadata", [{}, {"author": "somebody"}, {object_metadata.RECIPE: "1" * 64}])
def test_an_object_that_no_conversion_wrote_is_a_conflict(metadata: dict[str, str]) -> None:
    with pytest.raises(StepFailure) as caught:
        decide(stored(metadata=metadata), WANTED)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT


BOMB = base64.b64encode(zlib.compress(bytes(100 << 20))).decode()


@pytest.mark.parametrize(
    "damaged",
    [
        stored(size=99),
        stored(sha256="4" * 64),
        changed(object_metadata.SHA256, "4" * 64),
        changed(object_metadata.RESULT, ""),
        changed(object_metadata.RESULT, "no base64!"),
        changed(object_metadata.RESULT, base64.b64encode(b"no zlib").decode()),
        changed(object_metadata.RESULT, base64.b64encode(zlib.compress(b"[]")).decode()),
        changed(
            object_metadata.RESULT, base64.b64encode(zlib.compress(b'{"reason": "Reused", "message": ""}')).decode()
        ),
        changed(object_metadata.RESULT, BOMB),
    ],
)
def test_our_own_object_that_does_not_agree_with_itself_is_made_anew(damaged: StoredObject) -> None:
    assert decide(damaged, WANTED) == Write(replaces='"tag"')


@given(st.integers(0, 64), st.text(min_size=1, max_size=250))
def test_metadata_always_fits_and_keeps_what_matters(tensors: int, owner: str) -> None:
    whole = result(tensors)
    metadata = encode_metadata(whole, dataclasses.replace(WANTED, owner=Owner("prod", owner[:40])))
    assert object_metadata.metadata_bytes(metadata) <= METADATA_BYTES
    assert all(value.isascii() for value in metadata.values())
    note = object_metadata._read_note(metadata)
    assert note is not None
    assert note.owner == Owner("prod", owner[:40])
    assert note.result is not None
    assert note.result.artifact is not None
    assert (note.result.artifact.sha256, note.result.artifact.size_bytes) == (SHA256, 100)
    assert (note.result.verification, note.result.provenance) == (whole.verification, whole.provenance)


DIGITS = random.Random(20)  # noqa: S311 - nothing secret
HEX = "0123456789abcdef"


def arbitrary(characters: int) -> str:
    """Return text that takes as much room as text of its length can."""
    return "".join(DIGITS.choice(HEX) for _ in range(characters))


def longest_estimate() -> Estimate:
    value, low, high = (
        f"{DIGITS.choice(['', '-'])}{DIGITS.randrange(10_000, 99_999) / 10_000}e-{DIGITS.randrange(11, 99)}"
        for _ in range(3)
    )
    return Estimate(value=value, low=low, high=high)


ASKED = tuple(
    Metric(name=MetricName.TOPK_ACCURACY, output=arbitrary(512), labels="y", k=number + 2, max_drop="1")
    for number in range(MOST_METRICS)
)


def measured_metric(asked: Metric) -> MeasuredMetric:
    names = ("model", "artifact", "baseline", "drop")
    figures = {name: longest_estimate() for name in names}
    return MeasuredMetric(name=asked.name, output=asked.output, k=asked.k, samples=9000, **figures)


def longest_result(wanted: Identity) -> StepResult:
    """Return a result with the most of everything that is measured."""
    known = result(tensors=20, recipe=wanted.recipe)
    error = MeasuredError(
        snr_decibels="38.21",
        max_absolute_error="0.0123",
        cosine="0.99991",
        samples=9000,
        source="Verification",
        worst_sample_snr_decibels="21.11",
        runtime="LiteRT 2.3.0 with XNNPACK",
        reference_kernels=ReferenceKernels(snr_decibels="38.2", runtime_snr_decibels="38.3", samples=4),
        metrics=tuple(map(measured_metric, ASKED)),
        baseline=Baseline(source="Published", sha256=arbitrary(64)),
    )
    made = {"message": arbitrary(1024), "report_problem": arbitrary(1024), "verification": error}
    uri = {"artifact": Artifact(uri=wanted.uri, sha256=SHA256, size_bytes=100, report_uri=arbitrary(1024))}
    trials = {"trials": tuple(Trial(type=FIXED[0], message=arbitrary(256), outcome="Missed") for _ in range(12))}
    return known.model_copy(update={**made, **uri, **trials, "benchmark": BENCHMARK, "targets": TARGETS})


BENCHMARK = Benchmark(
    runtime="LiteRT 2.3.0 with XNNPACK",
    p50_milliseconds="11.2345",
    p90_milliseconds="12.3456",
    relative_latency="0.8123",
    runs=50,
    threads=2,
    arena_bytes=1234567,
)
TARGETS = tuple(
    TargetFit(name=name, tool=arbitrary(40), operators=312, on_target=301, sram_bytes=1234567, cycles=12345678)
    for name in ("EthosU", "Microcontroller", "GPU")
)
LONGEST = Identity(
    f"s3://models/{arbitrary(1000)}",
    Owner(arbitrary(63), f"{arbitrary(63)}/{arbitrary(253)}"),
    arbitrary(64),
    metrics=ASKED,
)


def test_the_figures_of_all_metrics_fit_whatever_they_are() -> None:
    whole = longest_result(LONGEST)
    metadata = encode_metadata(whole, LONGEST)
    assert object_metadata.metadata_bytes(metadata) <= METADATA_BYTES
    found = object_metadata.stored_result(StoredObject('"tag"', 100, SHA256, metadata), LONGEST)
    assert found is not None
    assert found.verification is not None
    assert whole.verification is not None
    assert found.verification.metrics == tuple(one.without_intervals() for one in whole.verification.metrics or ())
    assert (found.verification.baseline, found.targets, found.benchmark) == (
        whole.verification.baseline,
        whole.targets,
        whole.benchmark,
    )


def test_metrics_have_the_names_that_the_spec_of_the_recipe_gives_them() -> None:
    two = dataclasses.replace(WANTED, metrics=ASKED[:2])
    whole = result()
    assert whole.verification is not None
    shown = tuple(map(measured_metric, ASKED[:2]))
    error = whole.verification.model_copy(update={"metrics": shown})
    there = StoredObject('"tag"', 100, SHA256, encode_metadata(whole.model_copy(update={"verification": error}), two))
    decision = decide(there, two)
    assert isinstance(decision, Reuse)
    assert decision.result.verification == error
    # The recipe says how many there are: others are left without a name, and fit no spec.
    decision = decide(there, WANTED)
    assert isinstance(decision, Reuse)
    assert decision.result.verification is not None
    assert [one.name for one in decision.result.verification.metrics or ()] == ["", ""]


def test_what_was_written_before_there_was_a_vocabulary_is_still_read() -> None:
    text = result().to_json()
    before = changed(object_metadata.RESULT, base64.b64encode(zlib.compress(text.encode(), 9)).decode())
    decision = decide(before, WANTED)
    assert isinstance(decision, Reuse)
    assert decision.result.verification == result().verification


def test_the_vocabulary_is_the_one_that_objects_in_buckets_were_written_with() -> None:
    written = "ePni3sw2I63ARy27awF9BxSi"
    assert packing.unpacked(written) == b'{"reason":"Converted","message":"","verdict":"SNRSufficient"}'


def page(owner: Identity = WANTED) -> StoredObject:
    return StoredObject('"page"', 100, SHA256, object_metadata.ownership(SHA256, owner))


def test_a_page_is_recognised_by_its_recipe_and_its_checksum() -> None:
    assert object_metadata.is_page_of(page(), WANTED)
    assert object_metadata.is_page_of(dataclasses.replace(page(), sha256=None), WANTED)
    assert not object_metadata.is_page_of(None, WANTED)
    assert not object_metadata.is_page_of(dataclasses.replace(page(), sha256="4" * 64), WANTED)
    assert not object_metadata.is_page_of(dataclasses.replace(page(), metadata={}), WANTED)
    assert not object_metadata.is_page_of(page(dataclasses.replace(WANTED, recipe="5" * 64)), WANTED)


def test_a_page_is_never_taken_for_an_artifact() -> None:
    assert decide(page(), WANTED) == Write(replaces='"page"')


@pytest.mark.parametrize(
    "found", [page(dataclasses.replace(WANTED, owner=Owner("prod", "team/b"))), StoredObject("", 1, None, {})]
)
def test_what_stands_at_the_pages_place_is_not_overwritten(found: StoredObject) -> None:
    with pytest.raises(StepFailure) as caught:
        object_metadata.check_replaceable(found, WANTED)
    assert caught.value.reason is Reason.DESTINATION_CONFLICT


def test_a_reused_artifact_has_its_page_where_one_is_wanted_and_else_none() -> None:
    with_page = dataclasses.replace(WANTED, report_uri="s3://models/a.tflite.report.html")
    for wanted in (with_page, WANTED):
        decision = decide(stored(), wanted)
        assert isinstance(decision, Reuse)
        assert decision.result.artifact is not None
        assert decision.result.artifact.report_uri == wanted.report_uri
