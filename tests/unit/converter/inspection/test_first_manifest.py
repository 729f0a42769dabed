"""`tflite-convert init` writes a conversion that applies as it is, whatever a model is called and holds."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tflite_api.reasons import Reason
from tflite_api.resource.conversion import Conversion
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.local_spec import LocalConversion, LocalModelSource
from tflite_converter.inspection import first_manifest
from tflite_converter.inspection.findings import (
    InspectedGraph,
    InspectedSignature,
    InspectedTensor,
    Inspection,
    Verdict,
)
from tflite_converter.inspection.first_manifest import Placement

HUB = LocalModelSource(handle="https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5")
DIGEST = "sha256:" + "5d" * 32
PLACEMENT = Placement(name="mobilenet", bucket="models", secret="s3-credentials")
ACCEPTED = Verdict(outcome="Accepted")
IMAGE = InspectedTensor(name="inputs", dtype="float32", shape=(-1, 224, 224, 3))


def signature(
    key: str = "serving_default", *inputs: InspectedTensor, notes: tuple[str, ...] = ()
) -> InspectedSignature:
    outputs = (InspectedTensor(name="logits", dtype="float32", shape=(-1, 1001)),)
    return InspectedSignature(
        key=key, inputs=inputs, outputs=outputs, operations={}, verdict=ACCEPTED, converted=True, notes=notes
    )


def inspected(
    *signatures: InspectedSignature, model: LocalModelSource = HUB, others: tuple[InspectedGraph, ...] = ()
) -> Inspection:
    graph = InspectedGraph(tags=("serve",), tensorflow="2.15.0", chosen=True, signatures=signatures)
    return Inspection(model=model, digest=DIGEST, size_bytes=1, graphs=(graph, *others), verdict=ACCEPTED)


def written(found: Inspection, placement: Placement = PLACEMENT) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(first_manifest.compose(found, placement))
    LocalConversion.from_object(content)
    return content


def test_it_names_the_model_its_files_its_signature_and_its_inputs() -> None:
    content = written(inspected(signature("serving_default", IMAGE)))
    conversion = Conversion.from_object(content)
    assert conversion.metadata.name == "mobilenet"
    assert content["spec"]["model"] == {"handle": HUB.handle, "sha256": "5d" * 32}
    assert content["spec"]["signature"] == {
        "key": "serving_default",
        "inputs": [{"name": "inputs", "shape": [-1, 224, 224, 3]}],
    }
    assert content["spec"]["quantization"] == {"type": "None"}
    assert content["spec"]["destination"]["s3"] == {
        "bucket": "models",
        "key": "mobilenet.tflite",
        "secretRef": {"name": "s3-credentials"},
    }


def test_every_part_that_is_commented_out_fits_in_its_place() -> None:
    text = first_manifest.compose(inspected(signature("serving_default", IMAGE)), PLACEMENT)
    samples = {"type: None": "type: Int8", "# calibration": "calibration", "#   dataset": "  dataset"}
    gate = {"# verification": "verification", "#   minSNR": "  minSNR", "# endpoint": "endpoint"}
    for found, instead in (samples | gate).items():
        assert text.count(found) == 1
        text = text.replace(found, instead)
    conversion = Conversion.from_object(yaml.safe_load(text))
    assert conversion.spec.quantization.calibration is not None
    assert conversion.spec.verification is not None
    assert conversion.spec.destination.s3.endpoint is not None


def test_several_signatures_that_are_converted_unasked_are_all_named() -> None:
    content = written(inspected(signature("encode", IMAGE), signature("score", IMAGE)))
    assert content["spec"]["signature"]["keys"] == ["encode", "score"]
    assert [pin["name"] for pin in content["spec"]["signature"]["inputs"]] == ["inputs"]


@pytest.mark.parametrize(
    "signatures",
    [
        (signature("a", IMAGE), signature("b", InspectedTensor(name="inputs", dtype="float32", shape=(-1, 8)))),
        (signature("a", InspectedTensor(name="x", dtype="float32")),),
        (signature("a", InspectedTensor(name="x", dtype="float32", shape=(0, 3))),),
        (signature("a", *(InspectedTensor(name=f"x{number}", dtype="int8", shape=(1,)) for number in range(33))),),
    ],
)
def test_inputs_that_no_conversion_can_pin_are_shown_in_comments(signatures: tuple[InspectedSignature, ...]) -> None:
    text = first_manifest.compose(inspected(*signatures), PLACEMENT)
    assert "inputs" not in yaml.safe_load(text)["spec"]["signature"]
    assert f'#   - name: "{signatures[0].inputs[0].name}"' in text


def test_tags_are_named_where_the_model_has_several_sets() -> None:
    other = InspectedGraph(tags=("gpu", "serve"), tensorflow="", chosen=False, signatures=())
    assert written(inspected(signature(), others=(other,)))["spec"]["model"]["tags"] == ["serve"]


def test_a_model_at_a_web_address_is_named_as_an_archive() -> None:
    model = LocalModelSource.from_object({"archive": {"url": "https://example.com/a/style_transfer.tar.gz"}})
    assert written(inspected(signature(), model=model))["spec"]["model"]["archive"] == {"url": model.source.address}
    assert first_manifest.suggested_name(model) == "style-transfer"


BUCKET = {"bucket": "training", "prefix": "flowers/1", "endpoint": "https://s3.example.com", "region": "eu-west-1"}
KAGGLE = {"handle": "google/mobilenet-v2/tensorFlow2/130-224-classification/1"}


@pytest.mark.parametrize(
    ("kind", "source", "secret", "name"),
    [
        ("s3", BUCKET, "model-credentials", "flowers"),
        ("kaggle", KAGGLE, "kaggle", "mobilenet-v2-130-224-classification"),
    ],
)
def test_a_model_of_a_bucket_or_of_kaggle_is_named_with_its_secret(
    kind: str, source: dict[str, Any], secret: str, name: str
) -> None:
    reference = {"secretRef": {"name": secret}}
    open_to_all = LocalModelSource.from_object({kind: source})
    text = first_manifest.compose(inspected(signature(), model=open_to_all), PLACEMENT)
    assert yaml.safe_load(text)["spec"]["model"][kind] == source
    assert text.count("# secretRef") == text.count("#   name") == 1
    text = text.replace("# secretRef", "secretRef").replace("#   name", "  name")
    assert yaml.safe_load(text)["spec"]["model"][kind] == source | reference
    closed = LocalModelSource.from_object({kind: source | reference})
    assert written(inspected(signature(), model=closed))["spec"]["model"][kind] == source | reference
    assert first_manifest.suggested_name(closed) == name


def test_a_name_is_made_of_a_kaggle_handle_though_its_parts_are_numbers() -> None:
    model = LocalModelSource.from_object({"kaggle": {"handle": "team/kinds/tensorFlow2/2/1"}})
    assert first_manifest.suggested_name(model) == "kinds-2"


def test_a_model_of_this_machine_is_not_pinned_to_its_files() -> None:
    model = LocalModelSource(handle="file:///home/me/models/style")
    assert written(inspected(signature(), model=model))["spec"]["model"] == {"handle": model.handle}


@pytest.mark.parametrize(
    ("handle", "name"),
    [
        (HUB.handle, "mobilenet-v2-100-224-classification"),
        ("http://hub.example.com/basic-pitch/1", "basic-pitch"),
        ("file:///srv/models/Style%20Transfer.tar.gz", "style-transfer"),
        ("file:///srv/1", "srv"),
        ("https://example.com/%E2%80%A6/1", "model"),
    ],
)
def test_a_name_is_made_of_the_address(handle: str, name: str) -> None:
    assert first_manifest.suggested_name(LocalModelSource(handle=handle)) == name


PRINTABLE = st.characters(codec="utf-8", min_codepoint=0x20)
"""A spec names nothing with control characters."""


@settings(max_examples=50)
@given(st.text(PRINTABLE, min_size=1, max_size=40), st.text(PRINTABLE, min_size=1, max_size=40))
def test_no_name_of_a_model_breaks_out_of_its_place(key: str, name: str) -> None:
    tensor = InspectedTensor(name=name, dtype="float32", shape=(1,))
    content = written(inspected(signature(key, tensor, notes=(name,))))
    assert content["spec"]["signature"] == {"key": key, "inputs": [{"name": name, "shape": [1]}]}
    assert set(content["spec"]) == {"model", "signature", "quantization", "destination"}


def test_what_no_conversion_can_name_is_refused() -> None:
    with pytest.raises(StepFailure) as caught:
        first_manifest.compose(inspected(signature("k" * 257, IMAGE)), PLACEMENT)
    assert caught.value.reason is Reason.INVALID_SPEC
    assert "spec.signature.key" in caught.value.message
