"""What may be said about an artifact, and that saying it makes another artifact."""

from typing import Any

import pytest
from pydantic import ValidationError

from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_api.schema import describe


def spec(metadata: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "model": {"handle": "https://tfhub.dev/google/model/1"},
        "metadata": metadata,
        "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s3"}}},
    }


def normalized(**numbers: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "normalization": numbers}]}


def labelled(*labels: str) -> dict[str, Any]:
    return {"outputs": [{"name": "y", "labels": labels}]}


def test_what_is_said_comes_back() -> None:
    said = {
        "name": "Pets",
        "description": "Tells cats\nfrom dogs.",
        "version": "1",
        "author": "Åsa",
        "license": "Apache-2.0",
        "inputs": [
            {"name": "x", "colorSpace": "RGB", "normalization": {"mean": ["-127.5"], "std": ["0.000000001"]}},
            {"name": "z", "description": "a mask"},
        ],
        "outputs": [{"name": "y", "labels": ["crane", "crane", "?" * 128]}],
    }
    assert ConversionSpec.from_object(spec(said)).to_object()["metadata"] == said


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"licence": "MIT"}, "licence", "no such field"),
        ({"name": ""}, "name", "at least 1"),
        ({"description": "a" * 4097}, "description", "at most 4096"),
        (normalized(mean=["0"]), "inputs[0].normalization.std", "required"),
        (normalized(mean=[127.5], std=["1"]), "inputs[0].normalization.mean[0]", "must be text"),
        (normalized(mean=["1e3"], std=["1"]), "inputs[0].normalization.mean[0]", '"127.5"'),
        (normalized(mean=["1\n"], std=["1"]), "inputs[0].normalization.mean[0]", '"127.5"'),
        (normalized(mean=["0"], std=["0.0"]), "inputs[0].normalization.std", "above zero"),
        (normalized(mean=["0"], std=["1", "1"]), "inputs[0].normalization", "same length"),
        (normalized(mean=["0"] * 257, std=["1"] * 257), "inputs[0].normalization.mean", "at most 256"),
        ({"inputs": [{"name": "x", "colorSpace": "BGR"}]}, "inputs[0].colorSpace", "'Grayscale'"),
        ({"inputs": [{"name": "x"}, {"name": "x"}]}, "", "inputs names a tensor twice"),
        ({"outputs": [{"name": "x"}, {"name": "x"}]}, "", "outputs names a tensor twice"),
        ({"inputs": [{"name": str(name)} for name in range(33)]}, "inputs", "at most 32"),
        (labelled(), "outputs[0].labels", "at least 1"),
        (labelled("a", ""), "outputs[0].labels[1]", "at least 1"),
        (labelled("a\r"), "outputs[0].labels[0]", "one line"),
        (labelled("a\nb"), "outputs[0].labels[0]", "one line"),
        (labelled("a" * 129), "outputs[0].labels[0]", "at most 128"),
        (labelled(*["a"] * 2001), "outputs[0].labels", "at most 2000"),
    ],
)
def test_a_refusal_names_the_field(given: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ConversionSpec.from_object(spec(given))
    problem = describe(caught.value, "spec")
    assert f"spec.metadata{'.' if path else ''}{path}: " in problem
    assert words in problem


def test_another_word_is_another_recipe() -> None:
    hashes = [
        recipe_hash(ConversionSpec.from_object(spec(said)))
        for said in (None, {"name": "a"}, {"name": "b"}, labelled("a", "b"), labelled("b", "a"))
    ]
    assert len(set(hashes)) == len(hashes)
