"""A conversion of several variants is ready with all of them, and says of each what came of it."""

from typing import Any

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    Object,
    after,
    conditions,
    conversion,
    failed,
    failing_pod,
    job,
    message,
    planned,
    report,
    stalled,
    started,
    succeeded_pod,
    success,
    told,
)
from tflite_api.names import CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Reason
from tflite_operator.decide.plan import Plan

S3 = {"bucket": "models", "key": "a/{variant}.tflite", "secretRef": {"name": "s3"}}
WANTED: Object = {
    "destination": {"s3": S3},
    "variants": [{"name": "gpu", "quantization": {"type": "Float16"}}, {"name": "plain"}],
}
ARTIFACT = {"uri": "", "sha256": "a" * 64, "sizeBytes": 1234}


def outcome(name: str, **more: Any) -> Object:
    return {
        "name": name,
        "reason": "Converted",
        "verified": "SNRSufficient",
        "snrDecibels": "48.1",
        "artifact": ARTIFACT,
        **more,
    }


def succeeded(variants: list[Object], spec: Object = WANTED, **more: Any) -> Plan:
    owner, made = started(**spec)
    told_of_all = {"artifact": None, "verification": None, "variants": variants, **more}
    return planned(owner, job(owner, end=COMPLETE), pods=[succeeded_pod(owner, made, **told_of_all)])


def refused(reason: Reason, variants: list[Object], owner: Object | None = None, step: str = PUBLISH) -> Plan:
    first, made = started(**WANTED)
    pod = failing_pod(made, step, 3, report(reason, "Variant plain: so it is", cureGiven=True, variants=variants))
    return planned(owner or first, job(first, end=failed()), pods=[pod])


def artifacts(made: Plan) -> dict[str, str | None]:
    assert made.status is not None
    return {one.name: one.artifact.uri if one.artifact else None for one in made.status.variants or ()}


def test_all_variants_make_it_ready_with_the_addresses_of_the_spec() -> None:
    made = succeeded([outcome("gpu", artifact={**ARTIFACT, "uri": "s3://elsewhere/a"}), outcome("plain")])
    assert conditions(made) == {"Ready": ("True", "Converted"), "Verified": ("True", "SNRSufficient")}
    assert artifacts(made) == {"gpu": "s3://models/a/gpu.tflite", "plain": "s3://models/a/plain.tflite"}
    assert made.status is not None
    assert (made.status.artifact, made.status.verification) == (None, None)
    assert told(made) == [Reason.CONVERTED]


def test_one_that_proves_nothing_leaves_verified_open() -> None:
    variants = [outcome("gpu"), outcome("plain", verified="Stateful")]
    made = succeeded(variants, verdict="Stateful")
    assert conditions(made)["Verified"] == ("Unknown", "Stateful")


@pytest.mark.parametrize(
    "variants",
    [
        [outcome("gpu")],
        [outcome("plain"), outcome("gpu")],
        [outcome("gpu"), outcome("plain"), outcome("other")],
        [outcome("gpu"), outcome("plain", artifact=None)],
        [outcome("gpu"), outcome("plain", reason="VerificationFailed")],
        [outcome("gpu"), outcome("plain", attestation={"uri": "", "sha256": "f" * 64})],
        [],
    ],
)
def test_a_success_that_is_not_that_of_every_variant_is_not_believed(variants: list[Object]) -> None:
    made = succeeded(variants)
    assert conditions(made)["Ready"][0] != "True"
    assert "StepCrashed" in str(made.status)


def test_a_success_without_the_attestations_that_the_spec_wants_is_not_believed() -> None:
    made = succeeded([outcome("gpu"), outcome("plain")], {**WANTED, "attestation": {}})
    assert "has another attestation of variant gpu" in str(made.status)


def test_one_artifact_is_no_success_of_variants_and_variants_are_none_of_one() -> None:
    owner, made = started(**WANTED)
    one = planned(owner, job(owner, end=COMPLETE), pods=[succeeded_pod(owner, made)])
    assert conditions(one)["Ready"][0] != "True"
    several = succeeded([outcome("gpu"), outcome("plain")], {})
    assert conditions(several)["Ready"][0] != "True"
    both = succeeded([outcome("gpu"), outcome("plain")], artifact=success(owner)["artifact"])
    assert conditions(both)["Ready"][0] != "True"


def test_another_recipe_is_not_believed() -> None:
    owner, _ = started(**WANTED)
    provenance = success(owner)["provenance"] | {"recipeHash": "0" * 64}
    made = succeeded([outcome("gpu"), outcome("plain")], provenance=provenance)
    assert "another recipe" in str(made.status)


def test_one_that_failed_is_named_and_the_others_are_in_the_bucket() -> None:
    variants = [outcome("gpu"), outcome("plain", reason="BudgetExceeded", artifact=None, message="too large")]
    made = refused(Reason.BUDGET_EXCEEDED, variants)
    assert conditions(made) == stalled(Reason.BUDGET_EXCEEDED)
    assert message(made) == "Variant plain: so it is."
    assert artifacts(made) == {"gpu": "s3://models/a/gpu.tflite", "plain": None}
    assert made.status is not None
    assert [(one.reason, one.message) for one in made.status.variants or ()] == [
        ("Converted", None),
        ("BudgetExceeded", "too large"),
    ]


def test_a_gate_that_one_misses_makes_the_conversion_unverified() -> None:
    made = refused(Reason.VERIFICATION_FAILED, [outcome("gpu"), outcome("plain", reason="VerificationFailed")])
    assert conditions(made)["Verified"] == ("False", "VerificationFailed")


def test_one_that_failed_keeps_its_last_good_artifact() -> None:
    good = after(conversion(**WANTED), succeeded([outcome("gpu"), outcome("plain")]))
    changed = good | {"metadata": good["metadata"] | {"generation": 2}}
    second = job(changed)
    pod = failing_pod(
        second,
        PUBLISH,
        3,
        report(
            Reason.BUDGET_EXCEEDED,
            variants=[
                outcome("gpu", artifact={**ARTIFACT, "sha256": "b" * 64}),
                outcome("plain", reason="BudgetExceeded", artifact=None),
            ],
        ),
    )
    made = planned(changed, job(changed, end=failed()), pods=[pod])
    assert artifacts(made) == {"gpu": "s3://models/a/gpu.tflite", "plain": "s3://models/a/plain.tflite"}
    assert made.status is not None
    assert [one.artifact.sha256[0] for one in made.status.variants or () if one.artifact] == ["b", "a"]


@pytest.mark.parametrize("step", [PREPARE, CONVERT])
def test_only_publish_knows_of_variants(step: str) -> None:
    reason = {PREPARE: Reason.MODEL_NOT_FOUND, CONVERT: Reason.CONVERSION_FAILED}[step]
    made = refused(reason, [outcome("gpu"), outcome("plain")], step=step)
    assert "speaks of variants" in str(made.status)
    assert artifacts(made) == {}


def test_of_variants_publish_says_no_more_than_what_may_be_wrong_with_one() -> None:
    made = refused(Reason.MODEL_LOAD_FAILED, [outcome("gpu"), outcome("plain")])
    assert "which publish cannot know" in str(made.status)


def test_a_failure_of_all_leaves_what_is_known_of_each() -> None:
    good = after(conversion(**WANTED), succeeded([outcome("gpu"), outcome("plain")]))
    changed = good | {"metadata": good["metadata"] | {"generation": 2}}
    pod = failing_pod(job(changed), PREPARE, 3, report(Reason.MODEL_NOT_FOUND))
    made = planned(changed, job(changed, end=failed()), pods=[pod])
    assert conditions(made)["Ready"] == ("False", "ModelNotFound")
    assert artifacts(made) == {"gpu": "s3://models/a/gpu.tflite", "plain": "s3://models/a/plain.tflite"}


def test_one_artifact_again_takes_the_place_of_variants() -> None:
    good = after(conversion(**WANTED), succeeded([outcome("gpu"), outcome("plain")]))
    single = good | {"metadata": good["metadata"] | {"generation": 2}, "spec": conversion()["spec"]}
    made = planned(single, job(single, end=COMPLETE), pods=[succeeded_pod(single, job(single))])
    assert made.status is not None
    assert made.status.variants is None
    assert made.status.artifact is not None
