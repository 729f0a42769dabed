"""The spec's models refuse what the API server refuses, in words that name the field."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import tflite_api
from tflite_api.field_types import KEY_CHARACTERS, quantity
from tflite_api.resource.conversion import Conversion
from tflite_api.resource.quantization import ChosenQuantization, KeepFloat, Quantization
from tflite_api.resource.quantization_types import FIXED, QuantizationType
from tflite_api.resource.spec import ConversionSpec
from tflite_api.s3_secret import OWN_ENTRIES
from tflite_api.schema import describe
from tflite_api.sources.model_source import SOURCES


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "model": {"handle": "https://tfhub.dev/google/model/1"},
        "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s3"}}},
    } | changes


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        ConversionSpec.from_object(given)
    return describe(caught.value, "spec")


def test_the_least_spec_gets_the_defaults_of_the_schema() -> None:
    parsed = ConversionSpec.from_object(spec())
    assert parsed.quantization.type == "None"
    assert parsed.destination.s3.region == "us-east-1"
    assert parsed.active_deadline_seconds == 3600
    assert parsed.to_object()["destination"]["s3"]["secretRef"] == {"name": "s3", "entries": OWN_ENTRIES}


@pytest.mark.parametrize(
    ("given", "path", "word"),
    [
        (spec(model={"handle": "ftp://a/b"}), "spec.model.handle", "https://"),
        (spec(model={"handle": "https://user@host/b"}), "spec.model.handle", "without user"),
        (spec(model={"handle": "https://host/b\n"}), "spec.model.handle", "https://"),
        (spec(model={}), "spec.model", "set exactly one source of the model: handle"),
        (spec(model={"handle": "https://h/1", "archive": {"url": "https://h/1.zip"}}), "spec.model", "exactly one"),
        (spec(model={"archive": {}}), "spec.model.archive.url", "required"),
        (spec(model={"s3": {"bucket": "models"}}), "spec.model.s3", "set key for an archive or prefix for a folder"),
        (spec(model={"s3": {"bucket": "models", "prefix": "a/../b"}}), "spec.model.s3.prefix", "models/mobilenet/1"),
        (spec(model={"kaggle": {"handle": "google/mobilenet-v2"}}), "spec.model.kaggle.handle", "tensorFlow2"),
        (spec(model={"volume": {"claimName": "a", "path": "../b"}}), "spec.model.volume.path", "must be relative"),
        (spec(model={"volume": {"claimName": "a", "path": "b\n"}}), "spec.model.volume.path", "control characters"),
        (spec(model={"archive": {"url": "https://u@h/1.zip"}}), "spec.model.archive.url", "without user"),
        (spec(model={"handle": "https://h/1", "sha256": "AB"}), "spec.model.sha256", "64"),
        (spec(model={"handle": "https://h/1", "tags": ["a", "a"]}), "spec.model.tags", "twice"),
        (spec(signature={"inputs": [{"name": "x", "shape": [0]}]}), "spec.signature.inputs[0].shape[0]", "-1"),
        (spec(signature={"inputs": [{"name": "x", "shape": ["1"]}]}), "spec.signature.inputs[0].shape[0]", "integer"),
        (spec(signature={"inputs": [{"name": "x", "shape": [1]}] * 2}), "spec.signature", "twice"),
        (spec(quantization={"type": "Int9"}), "spec.quantization.type", "'DynamicRange'"),
        (spec(quantization={"type": "Int8"}), "spec.quantization", "calibration.synthetic: true"),
        (spec(quantization={"type": "Float16", "unquantizedUpTo": 0}), "spec.quantization", "leave it out"),
        (spec(quantization={"type": "DynamicRange", "unquantizedUpTo": "1 Ki"}), "unquantizedUpTo", "no quantity"),
        (spec(quantization={"type": "Int8", "calibration": {}}), "spec.quantization.calibration", "dataset"),
        (spec(quantization={"calibration": {"synthetic": True}}), "spec.quantization", "leave it out"),
        (spec(quantization={"io": "Int8"}), "spec.quantization", "for the type Int8"),
        (spec(quantization={"keepFloat": {"operations": ["softmax"]}}), "keepFloat.operations[0]", "SOFTMAX"),
        (
            spec(quantization={"type": "Int8", "calibration": {"dataset": "gs://a/b.npz"}}),
            "spec.quantization.calibration.dataset",
            "s3://datasets/calibration.npz",
        ),
        (
            spec(quantization={"type": "Int8", "calibration": {"dataset": "s3://abc/d.zip", "images": {"std": ["0"]}}}),
            "spec.quantization.calibration.images.std",
            "above zero",
        ),
        (spec(quantization={"type": "Int8", "auto": {}}), "spec.quantization", "for the type Auto"),
        (spec(quantization={"type": "Auto", "auto": {"candidates": []}}), "quantization.auto.candidates", "at least 1"),
        (
            spec(quantization={"type": "Auto", "auto": {"candidates": ["Auto"]}}),
            "quantization.auto.candidates[0]",
            "must be one of None, Float16",
        ),
        (
            spec(quantization={"type": "Auto", "auto": {"candidates": ["None", "None"]}}),
            "quantization.auto.candidates",
            "twice",
        ),
        (spec(quantization={"type": "Auto", "auto": {"candidates": ["Int16x8"]}}), "spec.quantization", "calibration."),
        (
            spec(
                quantization={
                    "type": "Auto",
                    "auto": {"candidates": ["Float16"]},
                    "calibration": {"synthetic": True},
                }
            ),
            "spec.quantization",
            "has neither: leave it out",
        ),
        (spec(quantization={"type": "Auto", "auto": {"objective": "Speed"}}), "quantization.auto.objective", "'Size'"),
        (spec(quantization={"type": "Auto", "auto": {"maxTrials": 33}}), "quantization.auto.maxTrials", "32"),
        (spec(quantization={"type": "Auto", "io": "Int8"}), "spec.quantization", "for the type Int8"),
        (spec(quantization={"type": "Auto", "keepFloat": {}}), "spec.quantization", "for the type Int8"),
        (spec(quantization={"keepInt8": {"tensors": []}}), "quantization.keepInt8.tensors", "at least 1"),
        (
            spec(quantization={"type": "WeightOnlyInt8", "keepInt8": {"tensors": ["a"]}}),
            "spec.quantization",
            "for the type WeightOnlyInt4",
        ),
        (spec(signature={"key": "a", "keys": ["b"]}), "spec.signature", "not both"),
        (spec(verification={"minSNRDecibels": 201}), "spec.verification.minSNRDecibels", "200"),
        (spec(budget={"maxSizeBytes": "4MB"}), "spec.budget.maxSizeBytes", "4Mi or 4194304"),
        (spec(budget={}), "spec.budget", "set maxSizeBytes, maxLatencyMilliseconds, maxRelativeLatency, threads or"),
        (spec(budget={"threads": 0}), "spec.budget.threads", "greater than or equal to 1"),
        (spec(budget={"maxLatencyMilliseconds": "12ms"}), "spec.budget.maxLatencyMilliseconds", '"12.5"'),
        (spec(budget={"maxRelativeLatency": "0.5"}), "spec", "quantization.type None makes: leave it out"),
        (
            spec(budget={"threads": 3}, resources={"limits": {"cpu": "2500m"}}),
            "spec",
            "budget.threads must not exceed resources.limits.cpu",
        ),
        (
            spec(
                budget={"maxArenaBytes": "1Ki"},
                quantization={"type": "Int8", "calibration": {"synthetic": True}},
                targets=[{"name": "EthosU", "config": "ethos-u55-128", "publishCompiled": True}],
            ),
            "spec",
            "publishCompiled publishes runs on the NPU alone",
        ),
        (spec(resources={"limits": {"memory": "much"}}), "spec.resources.limits.memory", "4Gi"),
        (
            spec(resources={"limits": {"memory": "1Gi"}, "requests": {"memory": "1025Mi"}}),
            "spec.resources",
            "requests.memory must not exceed limits.memory",
        ),
        (spec(attestation={"secretRef": {"name": "K"}}), "spec.attestation.secretRef.name", "Secret"),
        (spec(attestation={"secretRef": {"name": "k", "key": "a/b"}}), "spec.attestation.secretRef.key", "cosign.key"),
        (spec(activeDeadlineSeconds=True), "spec.activeDeadlineSeconds", "integer"),
        (spec(quantisation={}), "spec.quantisation", "no such field"),
    ],
)
def test_a_refusal_names_the_field_and_what_to_write(given: dict[str, Any], path: str, word: str) -> None:
    message = refusal(given)
    assert path in message
    assert word in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"budget": {"maxLatencyMilliseconds": 12}},
            'spec.budget.maxLatencyMilliseconds: must be text: write it in quotes, as in "12" (found 12)',
        ),
        ({"budgets": {}}, "spec.budgets: there is no such field: correct its name, or leave it out"),
        ({"variants": []}, "spec.variants: must have at least 1 item, and has 0"),
        ({"targets": [{"name": "GPU"}] * 9}, "spec.targets: must have at most 3 items, and has 9"),
    ],
    ids=str,
)
def test_a_refusal_is_in_the_words_of_yaml(changes: dict[str, Any], words: str) -> None:
    assert refusal(spec(**changes)) == words


def test_null_is_taken_for_absent_as_the_api_server_does() -> None:
    given = spec(model={"handle": "https://h/1", "sha256": None}, quantization=None)
    assert ConversionSpec.from_object(given).quantization.type == "None"
    assert "handle" in refusal(spec(model={"handle": None}))
    assert ConversionSpec.from_object(spec(model={"handle": "https://h/1", "archive": None})).model.archive is None


@pytest.mark.parametrize("key", ["/a", "a/", "a//b", "../a", "a/../b", "a/./b", "..", "a b", "a\\b", "a/\u00e9"])
def test_a_key_that_could_leave_its_prefix_is_refused(key: str) -> None:
    given = spec()
    given["destination"]["s3"]["key"] = key
    assert "spec.destination.s3.key" in refusal(given)


@pytest.mark.parametrize("key", ["a", "a/b.tflite", "..a/b..", "a.b/...x", "..."])
def test_a_key_with_dots_in_names_is_taken(key: str) -> None:
    given = spec()
    given["destination"]["s3"]["key"] = key
    assert ConversionSpec.from_object(given).destination.s3.uri == f"s3://models/{key}"


def test_a_key_leaves_room_for_that_of_the_attestation() -> None:
    given = spec(attestation={"secretRef": {"name": "k"}})
    given["destination"]["s3"]["key"] = "k" * 1011
    parsed = ConversionSpec.from_object(given)
    beside = parsed.destination.s3.attestation
    assert beside.uri == f"{parsed.destination.s3.uri}.intoto.jsonl"
    assert len(beside.key) == KEY_CHARACTERS
    assert parsed.attestation is not None
    assert parsed.attestation.secret_ref is not None
    assert parsed.attestation.secret_ref.key == "cosign.key"
    given["destination"]["s3"]["key"] += "k"
    assert "at most 1011 characters with attestation" in refusal(given)
    assert len(ConversionSpec.from_object(given | {"attestation": None}).destination.s3.key) == 1012


MODELS = {
    "handle": ("https://h/1", "https://h/1"),
    "archive": ({"url": "https://h/a.zip?v=1"}, "https://h/a.zip?v=1"),
    "s3": ({"bucket": "models", "prefix": "a/1", "secretRef": {"name": "s"}}, "s3://models/a/1/"),
    "kaggle": ({"handle": "google/a/tensorFlow2/b/1"}, "https://www.kaggle.com/models/google/a/tensorFlow2/b/1"),
    "volume": ({"claimName": "models", "path": "a/1"}, "pvc://models/a/1"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_of_a_model_has_an_address(source: str) -> None:
    given, uri = MODELS[source]
    assert ConversionSpec.from_object(spec(model={source: given})).model.source.uri == uri


def test_the_version_is_that_of_the_distribution() -> None:
    written = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    assert tflite_api.__version__ == written["project"]["version"]


def test_the_gate_is_the_specs_or_the_types_default() -> None:
    assert ConversionSpec.from_object(spec(verification={"minSNRDecibels": 0})).min_snr_decibels == 0
    float16 = ConversionSpec.from_object(spec(quantization={"type": "Float16"}))
    assert float16.min_snr_decibels == QuantizationType.FLOAT16.facts.min_snr_decibels


@pytest.mark.parametrize(
    ("text", "value"), [("500m", "0.5"), (2, "2"), ("1.5Ki", "1536"), ("1k", "1000"), ("2Gi", str(2 * 1024**3))]
)
def test_quantities_have_the_values_of_kubernetes(text: str | int, value: str) -> None:
    assert quantity(text) == pytest.approx(float(value))


@pytest.mark.parametrize("text", ["", "-1", "1 Gi", "1e3", "1KiB", "Gi", "1.2345"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity(text)


def test_a_resource_of_another_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="TFLiteConversion"):
        Conversion.from_object({"kind": "Job", "metadata": {"name": "a"}, "spec": spec()})


def test_auto_tries_all_that_can_be_where_the_spec_names_no_candidates() -> None:
    calibrated = ConversionSpec.from_object(spec(quantization={"type": "Auto", "calibration": {"synthetic": True}}))
    assert calibrated.quantization.candidates == FIXED
    bare = ConversionSpec.from_object(spec(quantization={"type": "Auto"}))
    assert set(FIXED) - set(bare.quantization.candidates) == {"Int8", "Int16x8"}
    assert bare.min_snr_decibels == 25


def test_what_auto_chooses_is_a_spec_of_its_own() -> None:
    asked = Quantization.from_object({"type": "Auto", "calibration": {"dataset": "s3://abc/d.npz", "maxSamples": 7}})
    kept = KeepFloat(tensors=("a",))
    int8 = ChosenQuantization.of(asked.as_written(QuantizationType.INT8, kept)).to_object()
    assert int8 == {
        "type": "Int8",
        "calibration": {"dataset": "s3://abc/d.npz", "maxSamples": 7},
        "keepFloat": {"tensors": ["a"]},
    }
    assert Quantization.from_object(int8) == asked.as_written(QuantizationType.INT8, kept)
    assert ChosenQuantization.of(asked.as_written(QuantizationType.FLOAT16)).to_object() == {"type": "Float16"}
    scaled = ChosenQuantization.of(asked.as_written(QuantizationType.DYNAMIC_RANGE, granularity="PerTensor"))
    assert scaled.to_object() == {"type": "DynamicRange", "granularity": "PerTensor"}
    assert Quantization.from_object(scaled.to_object()).is_per_tensor
