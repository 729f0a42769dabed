"""A signature that is asked for, or exported, as the refusal says is in the artifact."""

from pathlib import Path

import pytest

from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.convert import artifact_signature
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

FAILED = Reason.CONVERSION_FAILED


def signature(key: str, *names: str) -> SignatureFacts:
    tensors = tuple(TensorFacts(name, "float32", (1, 4)) for name in names)
    return SignatureFacts(key, tensors, (TensorFacts("y", "float32", (1, 2)),))


def checked(found: SignatureFacts, wanted: SignatureFacts) -> Trial:
    """Return what looks for a signature in a file that has another, or less of it: no model is known to bring it."""
    facts = ArtifactFacts((found,), (), frozenset(), frozenset())
    return lambda _: artifact_signature.checked(facts, wanted)


FOLLOWED: list[Followed] = [
    followed(
        "Convert others with signature.key or signature.keys",
        FAILED,
        checked(signature("encode", "x"), signature("serve", "x")),
        checked(signature("encode", "x"), signature("encode", "x")),
    ),
    followed(
        "Export the signature without it",
        FAILED,
        checked(signature("serve", "x"), signature("serve", "x", "unused")),
        checked(signature("serve", "x"), signature("serve", "x")),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
