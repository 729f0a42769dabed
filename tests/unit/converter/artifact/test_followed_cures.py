"""Metadata that is changed as its refusal says fits the artifact."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_api.resource.metadata import ModelMetadata
from tflite_converter.artifact import metadata
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

INVALID = Reason.INVALID_METADATA
MAIN = SignatureFacts(
    "classify",
    (TensorFacts("image", "float32", (-1, 8, 8, 3)), TensorFacts("row", "float32", (-1, 5))),
    (TensorFacts("scores", "float32", (-1, 2)), TensorFacts("loss", "float32", ())),
)


def said(key: str = "classify", **metadata_of: Any) -> Trial:
    return lambda _: metadata.check(ModelMetadata.from_object(metadata_of), key, MAIN)


def normalized(name: str, *mean: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "normalization": {"mean": mean, "std": ["1"] * len(mean)}, **more}


FOLLOWED: list[Followed] = [
    followed(
        "Describe those of classify, or leave them out",
        INVALID,
        said("encode", inputs=[{"name": "row"}]),
        said("classify", inputs=[{"name": "row"}]),
        said("encode", name="n"),
    ),
    *(
        followed(
            f"Describe {side}s that it has, by their names",
            INVALID,
            wrong,
            right,
        )
        for side, wrong, right in (
            ("input", said(inputs=[{"name": "absent"}]), said(inputs=[{"name": "row"}])),
            ("output", said(outputs=[{"name": "absent"}]), said(outputs=[{"name": "scores"}])),
        )
    ),
    *(
        followed(
            "Leave out its colorSpace, or correct its name",
            INVALID,
            said(inputs=[{"name": name, "colorSpace": space}]),
            said(inputs=[{"name": name}]),
            said(inputs=[{"name": "image", "colorSpace": "RGB"}]),
        )
        for name, space in (("row", "RGB"), ("image", "Grayscale"))
    ),
    followed(
        "give one number, or 5, the size of its last dimension",
        INVALID,
        said(inputs=[normalized("row", "1", "2")]),
        said(inputs=[normalized("row", "1")]),
        said(inputs=[normalized("row", "1", "2", "3", "4", "5")]),
    ),
    followed(
        "give one number, or 3, the size of its last dimension",
        INVALID,
        said(inputs=[normalized("image", "1", "2", colorSpace="RGB")]),
        said(inputs=[normalized("image", "1", colorSpace="RGB")]),
        said(inputs=[normalized("image", "1", "2", "3", colorSpace="RGB")]),
    ),
    followed(
        "leave them out",
        INVALID,
        said(outputs=[{"name": "loss", "labels": ["a", "b"]}]),
        said(outputs=[{"name": "loss"}]),
    ),
    followed(
        "give 2, one for each place of its last dimension",
        INVALID,
        said(outputs=[{"name": "scores", "labels": ["a", "b", "c"]}]),
        said(outputs=[{"name": "scores", "labels": ["a", "b"]}]),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
