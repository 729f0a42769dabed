"""A variant is the conversion that the same spec would be with its fields, and what came of all fits one report."""

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from tflite_api.names import TERMINATION_LOG_BYTES
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import MOST_VARIANTS, ConversionSpec
from tflite_api.schema import describe
from tflite_api.steps.combined import combined
from tflite_api.steps.step import StepResult
from tflite_api.steps.step_reasons import OF_VARIANT
from tflite_api.steps.variants import addressed

S3: dict[str, Any] = {"bucket": "models", "key": "a/{variant}.tflite", "secretRef": {"name": "s3"}}
SPEC: dict[str, Any] = {"model": {"handle": "https://tfhub.dev/google/model/1"}, "destination": {"s3": S3}}
HALVES = {"name": "gpu", "quantization": {"type": "Float16"}}
INTEGERS = {
    "type": "Int8",
    "io": "Int8",
    "granularity": "PerTensor",
    "calibration": {"dataset": "s3://datasets/a.npz"},
    "keepFloat": {"operations": ["SOFTMAX"]},
}
NPU = {"name": "EthosU", "config": "ethos-u55-128"}


def spec(*variants: dict[str, Any], **changes: Any) -> ConversionSpec:
    return ConversionSpec.from_object({**copy.deepcopy(SPEC), "variants": list(variants), **changes})


def single(key: str, **changes: Any) -> ConversionSpec:
    return ConversionSpec.from_object({**SPEC, "destination": {"s3": {**S3, "key": key}}, **changes})


def refusal(*variants: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        spec(*variants, **changes)
    return describe(caught.value, "spec")


def test_a_variant_is_the_conversion_that_says_the_same_by_itself() -> None:
    found = spec(HALVES, {"name": "plain", "minSNRDecibels": 70, "budget": {"maxSizeBytes": "1Mi"}}).by_variant
    assert found == {
        "gpu": single("a/gpu.tflite", quantization={"type": "Float16"}),
        "plain": single("a/plain.tflite", verification={"minSNRDecibels": 70}, budget={"maxSizeBytes": "1Mi"}),
    }


def test_without_variants_there_are_none() -> None:
    assert single("a/b.tflite").by_variant == {}


def test_a_variant_inherits_what_goes_with_its_type() -> None:
    found = spec(
        {"name": "npu"},
        {"name": "cpu", "quantization": {"type": "Int8", "io": "UInt8", "granularity": "PerChannel"}},
        {"name": "audio", "quantization": {"type": "Int16x8"}},
        HALVES,
        quantization=INTEGERS,
    ).by_variant
    written = {name: one.quantization.to_object() for name, one in found.items()}
    calibration = {"dataset": "s3://datasets/a.npz", "maxSamples": 100}
    common = {"calibration": calibration, "keepFloat": {"operations": ["SOFTMAX"]}}
    assert written == {
        "npu": {"type": "Int8", "io": "Int8", "granularity": "PerTensor", **common},
        "cpu": {"type": "Int8", "io": "UInt8", "granularity": "PerChannel", **common},
        "audio": {"type": "Int16x8", "io": "Float32", "granularity": "PerTensor", "calibration": calibration},
        "gpu": {"type": "Float16", "io": "Float32"},
    }


def test_targets_are_those_of_the_variant_where_it_names_any_even_none() -> None:
    found = spec(
        {"name": "npu"},
        {"name": "any", "targets": []},
        {**HALVES, "targets": [{"name": "GPU"}]},
        targets=[NPU],
        quantization=INTEGERS,
    ).by_variant
    names = {name: [target.name for target in one.targets or ()] for name, one in found.items()}
    assert names == {"npu": ["EthosU"], "any": [], "gpu": ["GPU"]}


@pytest.mark.parametrize(
    ("variants", "changes", "words"),
    [
        ([HALVES], {"destination": {"s3": {**S3, "key": "a.tflite"}}}, "put {variant} where their names are to be"),
        ([HALVES], {"destination": {"s3": {**S3, "key": "a/{name}"}}}, "and {variant} for the name of each"),
        ([HALVES], {"destination": {"s3": {**S3, "key": "{variant}" + "a" * 1009}}}, "at most 1011 characters"),
        ([HALVES, HALVES], {}, "names one twice"),
        ([{"name": "gpu.1"}], {}, "spec.variants[0].name: must be lower-case letters"),
        ([{"name": "v" * 33}], {}, "at most 32"),
        ([{"name": f"v{number}"} for number in range(9)], {}, "at most 8"),
        ([], {}, "at least 1"),
        ([{"name": "npu", "quantization": {"type": "Int8"}}], {}, "set quantization.calibration"),
        ([{"name": "npu"}], {"quantization": {"type": "Auto"}}, "another quantization.type than Auto"),
        ([{"name": "npu", "quantization": {"type": "Auto"}}], {}, "variants[0].quantization.type: must be one of"),
        ([{"name": "a", "quantization": {"type": "Float16", "io": "Int8"}}], {}, "io Int8 and UInt8 are for"),
        ([{"name": "a", "quantization": {"type": "None", "granularity": "PerTensor"}}], {}, "PerTensor is for"),
        ([{**HALVES, "targets": [NPU]}], {}, "variant gpu: targets: EthosU computes with integers"),
        ([HALVES], {"targets": [NPU]}, "variant gpu: targets: EthosU computes with integers"),
    ],
)
def test_variants_that_cannot_be_are_refused(
    variants: list[dict[str, Any]], changes: dict[str, Any], words: str
) -> None:
    assert words in refusal(*variants, **changes)


def test_a_place_for_variants_without_any_is_refused() -> None:
    with pytest.raises(ValidationError, match="which is for variants"):
        single("a/{variant}.tflite")


def test_targets_that_only_the_variants_fit_are_taken() -> None:
    npu = {"name": "npu", "quantization": {"type": "Int8"}, "targets": [NPU]}
    base = {"type": "Int8", "calibration": {"synthetic": True}}
    assert set(spec(npu, {**HALVES, "targets": []}, targets=[NPU], quantization=base).by_variant) == {"npu", "gpu"}


def test_what_is_not_for_the_type_of_a_variant_is_left_out() -> None:
    for base in (
        {"type": "DynamicRange", "unquantizedUpTo": "1Mi"},
        {"type": "WeightOnlyInt4", "keepInt8": {"tensors": ["a"]}, "unquantizedUpTo": "1Mi"},
    ):
        found = spec(HALVES, {"name": "same"}, quantization=base).by_variant
        assert found["gpu"].quantization.to_object() == {"type": "Float16", "io": "Float32"}
        assert found["same"].quantization.to_object() == {**base, "io": "Float32"}


def test_what_no_variant_is_need_not_be_right() -> None:
    floats = {"name": "floats", "quantization": {"type": "None"}}
    assert set(spec(floats, targets=[NPU], quantization={"type": "Float16"}).by_variant) == {"floats"}


def test_the_length_of_a_key_is_that_with_the_names() -> None:
    where = {"s3": {**S3, "key": "{variant}" + "a" * 1009}}
    found = spec({"name": "ab"}, destination=where, report=True, attestation={}).by_variant["ab"]
    assert len(found.destination.s3.attestation.key) == 1024


def test_a_variant_has_the_recipe_of_its_conversion_and_all_have_one_of_theirs() -> None:
    both = spec(HALVES, {"name": "plain"})
    halves = single("elsewhere.tflite", quantization={"type": "Float16"})
    assert recipe_hash(both.by_variant["gpu"]) == recipe_hash(halves)
    assert recipe_hash(both) == recipe_hash(spec({"name": "plain"}, HALVES))
    others = [
        spec(HALVES),
        spec({**HALVES, "name": "gpu2"}, {"name": "plain"}),
        spec(HALVES, HALVES | {"name": "plain"}),
    ]
    assert len({recipe_hash(both), recipe_hash(halves), *map(recipe_hash, others)}) == 5


def done(reason: str = "Converted", verdict: str = "SNRSufficient", **changes: Any) -> StepResult:
    measured = {"snrDecibels": "41.5", "maxAbsoluteError": "0", "cosine": "1", "samples": 8, "source": "Generated"}
    return StepResult.from_object(
        {
            "reason": reason,
            "message": "m" * 1024,
            "verdict": verdict,
            "artifact": {"uri": "s3://models/a", "sha256": "a" * 64, "sizeBytes": 5 * 1024**3, "etag": "e" * 34},
            "verification": measured,
            "signature": {"key": "run", "inputs": [], "outputs": []},
            "provenance": {
                "modelDigest": f"sha256:{'b' * 64}",
                "recipeHash": "c" * 64,
                "tensorflow": "2.21",
                "strategy": "Plain",
            },
            **changes,
        }
    )


def failed(message: str = "too far off: do something else") -> StepResult:
    return StepResult(reason=Reason.VERIFICATION_FAILED, message=message, cure_given=True)


def test_all_variants_done_are_a_success_that_says_what_they_have_in_common() -> None:
    found = combined({"gpu": done(), "npu": done("Reused")}, "d" * 64)
    assert (found.reason, found.verdict) == (Reason.CONVERTED, Reason.SNR_SUFFICIENT)
    assert found.message == "2 variants: gpu converted at 41.5 dB, npu reused at 41.5 dB"
    assert found.artifact is None
    assert found.signature == done().signature
    assert found.provenance is not None
    assert (found.provenance.recipe_hash, found.provenance.strategy) == ("d" * 64, "Plain")
    assert [(one.name, one.reason, one.verified, one.snr_decibels) for one in found.variants or ()] == [
        ("gpu", "Converted", "SNRSufficient", "41.5"),
        ("npu", "Reused", "SNRSufficient", "41.5"),
    ]


def test_variants_that_were_all_there_are_reused() -> None:
    assert combined({"a": done("Reused"), "b": done("Reused")}, "d" * 64).reason is Reason.REUSED


def test_what_was_measured_of_each_as_it_runs_is_told_where_there_is_room() -> None:
    benchmark = {"runtime": "LiteRT 2.1.0", "p50Milliseconds": "1.5", "p90Milliseconds": "2", "runs": 50, "threads": 1}
    told = {**benchmark, "operators": [{"name": "CONV_2D" * 9, "share": "0.900"}]}
    found = combined({"a": done(benchmark=told), "b": failed("because")}, "d" * 64)
    seen: list[object] = []
    for limit in range(len(found.to_json()), 480, -10):
        first = (StepResult.model_validate_json(found.to_json(limit)).variants or ())[0]
        shown = first.benchmark.to_object() if first.benchmark is not None else None
        seen += [shown] if shown not in seen else []
    assert seen == [told, benchmark, None]


def test_what_variants_are_to_keep_within_is_asked_of_each() -> None:
    floats, timed = {"name": "floats"}, {"maxRelativeLatency": "0.8"}
    assert "variant floats: budget.maxRelativeLatency compares" in refusal(HALVES, floats, budget=timed)
    own = {**floats, "budget": {"maxSizeBytes": 1}}
    assert set(spec(HALVES, own, budget=timed).by_variant) == {"gpu", "floats"}
    compiled = {"name": "npu", "targets": [{**NPU, "publishCompiled": True}]}
    assert "variant npu: what publishCompiled publishes runs" in refusal(compiled, budget={"threads": 1})
    halves = {**HALVES, "targets": []}
    assert set(spec(halves, targets=compiled["targets"], budget={"threads": 1}).by_variant) == {"gpu"}
    four, two = {**HALVES, "budget": {"threads": 4}}, {"limits": {"cpu": 2}}
    assert "variant gpu: budget.threads must not exceed" in refusal(four, resources=two)


def test_the_provenance_is_that_of_what_was_made_now() -> None:
    new = done().provenance
    assert new is not None
    old = new.model_copy(update={"model_digest": f"sha256:{'0' * 64}", "strategy": "SingleBatch"})
    found = combined({"a": done("Reused", provenance=old.to_object()), "b": done()}, "d" * 64).provenance
    assert found is not None
    assert (found.model_digest, found.strategy) == (new.model_digest, "Plain, SingleBatch")


def test_what_one_variant_does_not_show_is_not_shown_of_all() -> None:
    found = combined({"a": done(), "b": done(verdict="RealDataNotSeen", signature=None)}, "d" * 64)
    assert found.verdict is Reason.REAL_DATA_NOT_SEEN
    assert found.signature is None


def test_one_that_failed_is_named_and_the_others_are_told_of() -> None:
    found = combined({"gpu": done(), "npu": failed(), "cpu": failed("another")}, "d" * 64)
    assert found.reason is Reason.VERIFICATION_FAILED
    assert found.message == "Variant npu (cpu failed as well): too far off: do something else"
    assert found.cure_given
    assert [(one.name, one.reason, one.artifact is not None) for one in found.variants or ()] == [
        ("gpu", "Converted", True),
        ("npu", "VerificationFailed", False),
        ("cpu", "VerificationFailed", False),
    ]


def largest() -> StepResult:
    attestation = {"uri": "s3://models/" + "k" * 1000, "sha256": "f" * 64, "keyID": f"SHA256:{'k' * 43}"}
    artifact = {
        "uri": "s3://models/" + "k" * 1000,
        "sha256": "a" * 64,
        "sizeBytes": 5 * 1024**3,
        "etag": "e" * 1000,
        "reportURI": "s3://models/" + "k" * 1000,
    }
    calibration = {"source": "Dataset", "samples": 100, "digest": f"sha256:{'b' * 64}"}
    provenance = {
        "modelDigest": f"sha256:{'b' * 64}",
        "recipeHash": "c" * 64,
        "tensorflow": "2.21.0",
        "strategy": "SingleBatch+FusedLSTM",
        "calibration": calibration,
    }
    return done(verdict="MetricsSufficient", artifact=artifact, attestation=attestation, provenance=provenance)


def test_the_largest_results_fit_and_lose_nothing_that_the_spec_does_not_say() -> None:
    wanted = spec(
        *({"name": f"{number}{'v' * 31}"} for number in range(MOST_VARIANTS)),
        destination={"s3": {**S3, "key": "k" * 900 + "{variant}"}},
        attestation={"secretRef": {"name": "key"}},
        report=True,
    )
    whole = combined({name: largest() for name in wanted.by_variant}, recipe_hash(wanted))
    text = whole.model_copy(update={"duration_seconds": 3600.123, "peak_memory_bytes": 10**10}).to_json()
    assert len(text) <= TERMINATION_LOG_BYTES
    read = StepResult.model_validate_json(text)
    assert read.provenance == whole.provenance
    for (name, one), outcome in zip(wanted.by_variant.items(), addressed(read.variants or (), wanted), strict=True):
        where = one.destination.s3
        assert outcome.name == name
        assert outcome.artifact is not None
        assert (outcome.artifact.uri, outcome.artifact.report_uri) == (where.uri, where.report_page.uri)
        assert (outcome.artifact.sha256, outcome.artifact.size_bytes) == ("a" * 64, 5 * 1024**3)
        assert outcome.attestation is not None
        assert (outcome.attestation.uri, outcome.attestation.sha256) == (where.attestation.uri, "f" * 64)
        assert (outcome.verified, outcome.snr_decibels) == ("MetricsSufficient", "41.5")


def test_addresses_are_those_of_the_spec_whatever_was_reported() -> None:
    wanted = spec(HALVES, {"name": "plain"})
    reported = combined({"gpu": done(), "plain": done(), "stranger": done()}, "d" * 64).variants or ()
    found = addressed(reported, wanted)
    assert [one.artifact.uri for one in found if one.artifact] == [
        "s3://models/a/gpu.tflite",
        "s3://models/a/plain.tflite",
    ]
    assert [one.artifact.report_uri for one in found if one.artifact] == [None, None]


def test_of_failures_the_words_are_kept_before_those_of_successes() -> None:
    result = combined({"a": done(), "b": failed("because")}, "d" * 64)
    read = StepResult.model_validate_json(result.to_json(600))
    assert [one.message for one in read.variants or ()] == [None, "because"]


def test_what_is_wrong_with_one_variant_has_no_attempt_repeated() -> None:
    assert {reason.outcome for reason in OF_VARIANT} == {Outcome.STALLED}
