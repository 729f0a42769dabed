"""An attestation says what was asked for, fetched and run: nothing of it comes from the model's container."""

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.unit.converter.signing.attestations import (
    ARTIFACT,
    BYPRODUCTS,
    IMAGE,
    PREPARED,
    SHA256,
    SPEC,
    environment,
    request,
)
from tests.unit.converter.signing.signing_keys import COSIGN_KEY, P256, as_cosign, der, public
from tflite_api import __version__
from tflite_api.names import SIGNING_KEY_ENV, SIGNING_PASSWORD_ENV
from tflite_api.reasons import Reason
from tflite_api.resource.quantization import ChosenQuantization
from tflite_api.resource.recipe import recipe_hash
from tflite_api.steps.step import StepRequest
from tflite_converter.core.failure import StepFailure
from tflite_converter.signing import attest
from tflite_converter.signing.attest import MadeAttestation
from tflite_converter.signing.keys import fingerprint, read_public


def made(asked: StepRequest, **given: str) -> MadeAttestation:
    return attest.make(asked, PREPARED, attest.Known(SHA256, BYPRODUCTS), given or environment())


def statement(found: MadeAttestation) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(base64.b64decode(json.loads(found.content)["payload"]))
    return payload


def test_the_statement_has_the_forms_of_in_toto_and_slsa() -> None:
    asked = request()
    said = statement(made(asked))
    run = said["predicate"]["runDetails"]
    finished = run["metadata"].pop("finishedOn")
    assert finished.startswith("20")
    assert finished.endswith("Z")
    assert set(run["builder"].pop("version")) == {"tflite-operator", "tensorflow", "litert-quantizer", "ai-edge-litert"}
    assert said == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "b.tflite", "uri": "s3://models/a/b.tflite", "digest": {"sha256": SHA256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://tflite-operator.dev/v1alpha1/conversion",
                "externalParameters": {
                    "conversion": {
                        "apiVersion": "tflite-operator.dev/v1alpha1",
                        "kind": "TFLiteConversion",
                        "metadata": {"namespace": "team", "name": "a"},
                        "spec": asked.spec.to_object(),
                    }
                },
                "internalParameters": {"recipeHash": recipe_hash(asked.spec)},
                "resolvedDependencies": [
                    {"name": "model", "uri": "https://example.com/model/1", "digest": {"dirHash": "3" * 64}},
                    {
                        "name": "calibration",
                        "uri": "s3://datasets/images/",
                        "digest": {"dirHash": "6" * 64},
                    },
                    {"name": "verification", "uri": "https://example.com/samples.npz", "digest": {"sha256": "7" * 64}},
                    {"name": "converter", "uri": f"oci://{IMAGE}", "digest": {"sha256": "4" * 64}},
                ],
            },
            "runDetails": {
                "builder": {"id": "https://tflite-operator.dev/converter"},
                "metadata": {
                    "invocationId": "11111111-2222-3333-4444-555555555555/2/3",
                    "startedOn": "2026-11-22T12:00:00Z",
                },
                "byproducts": [{"name": "result", "digest": {"sha256": "8" * 64}}],
            },
        },
    }


def test_an_image_that_is_named_by_tag_has_no_digest() -> None:
    asked = request()
    asked = asked.model_copy(
        update={"invocation": asked.invocation and asked.invocation.model_copy(update={"image": "a:1"})}
    )
    assert statement(made(asked))["predicate"]["buildDefinition"]["resolvedDependencies"][-1] == {
        "name": "converter",
        "uri": "oci://a:1",
    }


@pytest.mark.tensorflow
def test_the_versions_are_those_of_this_very_installation() -> None:
    import tensorflow as tf

    assert attest.versions()["tensorflow"] == tf.__version__
    assert attest.versions()["tflite-operator"] == __version__


def test_a_program_that_does_not_say_its_version_costs_no_attestation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attest, "_DISTRIBUTIONS", {"nobody": "a-distribution-that-nobody-has"})
    assert attest.versions() == {"tflite-operator": __version__}


def test_the_status_says_where_it_is_and_who_verifies_it() -> None:
    found = made(request())
    assert found.status.uri == "s3://models/a/b.tflite.intoto.jsonl"
    assert found.status.sha256 == hashlib.sha256(found.content).hexdigest()
    assert found.status.key_id == fingerprint(read_public(public(P256)))


def test_the_key_that_cosign_put_into_a_secret_signs() -> None:
    given = {SIGNING_KEY_ENV: COSIGN_KEY.decode(), SIGNING_PASSWORD_ENV: "staple"}
    assert json.loads(made(request(), **given).content)["signatures"]


@pytest.mark.parametrize("password", ["staple\n", " staple\r\n", "\ufeffstaple"])
def test_white_space_around_a_password_is_left_out(password: str) -> None:
    given = {SIGNING_KEY_ENV: COSIGN_KEY.decode(), SIGNING_PASSWORD_ENV: password}
    assert json.loads(made(request(), **given).content)["signatures"]


def test_white_space_that_is_a_part_of_a_password_stays() -> None:
    key = as_cosign(der(P256), b"staple \n")
    given = {SIGNING_KEY_ENV: key.decode(), SIGNING_PASSWORD_ENV: "staple \n"}
    assert json.loads(made(request(), **given).content)["signatures"]


def test_without_a_key_it_is_not_signed_and_the_status_names_none() -> None:
    found = made(request(attestation={}))
    assert json.loads(found.content)["signatures"] == []
    assert found.status.key_id is None
    assert statement(found)["subject"][0]["digest"] == {"sha256": SHA256}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no PEM"),
        ({SIGNING_KEY_ENV: public(P256).decode()}, "it holds a PUBLIC KEY"),
        ({SIGNING_KEY_ENV: COSIGN_KEY.decode(), SIGNING_PASSWORD_ENV: "horse"}, "cosign.password"),
    ],
)
def test_a_key_that_is_none_is_named(given: dict[str, str], words: str) -> None:
    asked = request(attestation={"secretRef": {"name": "signing-key", "key": "x509.pem"}})
    with pytest.raises(StepFailure) as caught:
        attest.make(asked, PREPARED, attest.Known(SHA256, BYPRODUCTS), given)
    assert caught.value.reason is Reason.SIGNING_KEY_INVALID
    for word in ("x509.pem", "signing-key", "attestation.secretRef", words):
        assert word in caught.value.message
    assert "horse" not in caught.value.message


def test_nothing_of_a_secret_is_in_it() -> None:
    found = made(request())
    private = environment()[SIGNING_KEY_ENV]
    text = found.content + base64.b64decode(json.loads(found.content)["payload"])
    assert [line for line in private.splitlines() if line.encode() in text] == []
    assert SPEC["attestation"]["secretRef"]["name"].encode() in text
    assert ARTIFACT not in text


def test_what_type_auto_chose_is_said() -> None:
    chosen = ChosenQuantization.from_object({"type": "WeightOnlyInt4", "keepInt8": {"tensors": ["a"]}})
    asked = request(quantization={"type": "Auto"})
    said = statement(attest.make(asked, PREPARED, attest.Known(SHA256, BYPRODUCTS, chosen), environment()))
    definition = said["predicate"]["buildDefinition"]
    assert definition["internalParameters"]["quantization"] == chosen.to_object()
    assert definition["externalParameters"]["conversion"]["spec"]["quantization"]["type"] == "Auto"
