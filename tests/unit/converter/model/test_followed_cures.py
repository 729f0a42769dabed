"""What a refusal says of tags, signatures and shapes is written, and then they are found."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.model.test_signature import ANY, IMAGE, signature
from tflite_api.reasons import Reason
from tflite_api.resource.spec import Signature
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.model.signature import Obstacle, check_types, choose_signatures, choose_tags, pin_inputs

TEXT = TensorFacts("text", "string", (-1,))
SPARSE = TensorFacts("words", "sparse tensor of float32", (-1, 4))
SETS = [frozenset({"train"}), frozenset({"serve", "tpu"})]
GET, TRAIN, LABELS = signature("get"), signature("train", IMAGE), signature("labels", TEXT)
OBSTACLES = {
    "get": Obstacle("has no inputs", is_final=False),
    "train": Obstacle("changes the model's variables", is_final=False),
    "labels": Obstacle("has text", is_final=True),
    "nothing": Obstacle("has no outputs", is_final=True),
}


def tags(*asked: str) -> Trial:
    return lambda _: choose_tags(SETS, asked or None)


def planned(*available: SignatureFacts, **asked: Any) -> Trial:
    """Return what chooses signatures, pins their inputs and looks at their types, as the plan of a conversion does."""

    def trial(_: Path) -> None:
        wanted = Signature.from_object(asked)
        found = choose_signatures({each.key: each for each in available}, wanted, lambda each: OBSTACLES.get(each.key))
        for each in pin_inputs(found, wanted.inputs or ()):
            check_types(each)

    return trial


def pinned(name: str, *shape: int) -> dict[str, Any]:
    return {"inputs": [{"name": name, "shape": shape}]}


FOLLOWED: list[Followed] = [
    followed("Choose one with model.tags", Reason.TAGS_NOT_FOUND, tags(), tags("train"), tags("serve", "tpu")),
    followed("Set model.tags to a set that the model has", Reason.TAGS_NOT_FOUND, tags("tpu"), tags("tpu", "serve")),
    followed(
        "Name in signature.keys those that it has",
        Reason.SIGNATURE_NOT_FOUND,
        planned(GET, TRAIN, keys=["get", "absent"]),
        planned(GET, TRAIN, keys=["get", "train"]),
    ),
    followed(
        "Set signature.key to one that the model has",
        Reason.SIGNATURE_NOT_FOUND,
        planned(GET, TRAIN, key="absent"),
        planned(GET, TRAIN, key="get"),
    ),
    *(
        followed("export it with at least one", Reason.SIGNATURE_NOT_FOUND, planned(**asked), planned(GET))
        for asked in ({}, {"key": "absent"})
    ),
    followed(
        "Choose get or train with signature.key",
        Reason.SIGNATURE_NOT_FOUND,
        planned(GET, TRAIN, LABELS),
        planned(GET, TRAIN, LABELS, key="get"),
        planned(GET, TRAIN, LABELS, key="train"),
    ),
    followed(
        "Export one of which that does not hold",
        Reason.SIGNATURE_NOT_FOUND,
        planned(LABELS, SignatureFacts("nothing", (IMAGE,), ())),
        planned(LABELS, signature("image", IMAGE)),
    ),
    followed(
        "choose another with signature.key, or export it with its outputs",
        Reason.INPUT_UNSUPPORTED,
        planned(SignatureFacts("nothing", (IMAGE,), ()), TRAIN, key="nothing"),
        planned(SignatureFacts("nothing", (IMAGE,), ()), TRAIN, key="train"),
        planned(signature("nothing", IMAGE), TRAIN, key="nothing"),
    ),
    *(
        followed(
            "Export a signature that begins after the preprocessing of strings and sparse tensors",
            Reason.INPUT_UNSUPPORTED,
            planned(signature("serve", foreign)),
            planned(signature("serve", IMAGE)),
        )
        for foreign in (TEXT, SPARSE)
    ),
    followed(
        "Use names of the model's inputs in signature.inputs",
        Reason.INPUT_NOT_FOUND,
        planned(TRAIN, **pinned("picture", 1, 224, 224, 3)),
        planned(TRAIN, **pinned("image", 1, 224, 224, 3)),
    ),
    followed(
        "give its shape in signature.inputs",
        Reason.INPUT_SHAPE_MISMATCH,
        planned(signature("serve", ANY)),
        planned(signature("serve", ANY), **pinned("any", 2, -1)),
    ),
    *(
        followed(
            "Use a shape in signature.inputs that fits the model's",
            Reason.INPUT_SHAPE_MISMATCH,
            planned(TRAIN, **pinned("image", *shape)),
            planned(TRAIN, **pinned("image", 1, 224, 224, 3)),
        )
        for shape in ((1, 224, 224), (1, 225, 224, 3))
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
