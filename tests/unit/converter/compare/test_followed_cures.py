"""What a comparison's refusal says to compare is compared."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.compare.test_comparison import artifacts, model
from tests.unit.converter.compare.test_metrics_of_artifacts import metrics
from tests.unit.converter.compare.test_pairing import Signatures, signature, x
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_converter.compare import comparison, metric_option
from tflite_converter.compare.comparison import Terms
from tflite_converter.compare.pairing import pair_signatures
from tflite_converter.core.progress import LoggedProgress

__all__ = ["artifacts"]

ORIGIN = "Compare it with what it was converted from"
OURS = signature("a", x(1)) | signature("b", x(1))


def paired(artifact: Signatures, reference: Signatures, key: str | None = None) -> Trial:
    return lambda _: pair_signatures(artifact, reference, key)


FOLLOWED: list[Followed] = [
    followed(
        "Name one that both have with --signature",
        Reason.SIGNATURE_NOT_FOUND,
        paired(OURS, signature("b", x(1)), "a"),
        paired(OURS, signature("b", x(1)), "b"),
    ),
    followed(ORIGIN, Reason.SIGNATURE_NOT_FOUND, paired(OURS, signature("c", x(1))), paired(OURS, OURS)),
    followed(
        ORIGIN,
        Reason.INPUT_NOT_FOUND,
        paired(signature("a", x(1), outputs=("p", "q")), signature("a", x(1), outputs=("p", "r"))),
        paired(signature("a", x(1), outputs=("p", "q")), signature("a", x(1), outputs=("p", "q"))),
    ),
    *(
        followed(
            "compare two that take the same inputs",
            reason,
            paired(signature("a", other), signature("a", x(2, 8))),
            paired(signature("a", x(2, 8)), signature("a", x(2, 8))),
        )
        for reason, other in (
            (Reason.INPUT_SHAPE_MISMATCH, x(1, 8)),
            (Reason.INPUT_SHAPE_MISMATCH, x(8)),
            (Reason.INPUT_UNSUPPORTED, x(2, 8, dtype="int32")),
        )
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


def random(models: Path, folder: Path) -> Path:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(models / "random"))
    (folder / "random.tflite").write_bytes(converter.convert())
    return folder / "random.tflite"


@pytest.mark.tensorflow
def test_files_samples_and_metrics_that_a_refusal_names_can_be_compared(
    models: Path, artifacts: Path, tmp_path: Path
) -> None:
    ours, theirs = artifacts / "int8.tflite", artifacts / "float.tflite"
    cut, chance = tmp_path / "cut.tflite", random(models, tmp_path)
    cut.write_bytes(ours.read_bytes()[:600])
    inputs = np.random.default_rng(5).standard_normal((40, 64)).astype(np.float32)
    for count in (20, 40):
        np.savez(tmp_path / f"{count}.npz", x=inputs[:count], label=np.arange(count) % 32)

    def compared(artifact: Path, reference: Any, **terms: Any) -> Trial:
        return lambda _: comparison.compare(artifact, reference, Terms(**terms), LoggedProgress())

    accuracy = {"metrics": metrics("Top1Accuracy,output=y,labels=label")}
    cases = [
        followed(
            "Name a file that it can read", Reason.VERIFICATION_FAILED, compared(cut, theirs), compared(ours, theirs)
        ),
        followed(
            "Compare with another file, or with the SavedModel",
            Reason.VERIFICATION_FAILED,
            compared(chance, chance),
            compared(ours, theirs),
            compared(chance, model(models / "random")),
        ),
        followed(
            "give more in --samples, and raise --max-samples where it takes fewer",
            Reason.TOO_FEW_LABELS,
            compared(ours, theirs, samples=tmp_path / "20.npz", **accuracy),
            compared(ours, theirs, samples=tmp_path / "40.npz", **accuracy),
        ),
        followed(
            "give more in --samples, and raise --max-samples where it takes fewer",
            Reason.TOO_FEW_LABELS,
            compared(ours, theirs, samples=tmp_path / "40.npz", max_samples=20, **accuracy),
            compared(ours, theirs, samples=tmp_path / "40.npz", max_samples=40, **accuracy),
        ),
    ]
    for number, case in enumerate(cases):
        (tmp_path / str(number)).mkdir()
        follow(case, tmp_path / str(number))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("raise maxSamples to 12", "raise --max-samples to 12"),
        ("raise verification.samples.maxSamples", "raise --max-samples"),
        ("Name inputs that it takes in verification.samples", "Name inputs that it takes in --samples"),
        (
            "pin its shapes in signature.inputs, or name inputs that it takes in verification.samples",
            "name inputs that it takes in --samples",
        ),
    ],
)
def test_what_only_a_spec_has_is_said_of_the_options_or_not_at_all(words: str, said: str) -> None:
    assert metric_option.in_options(words, []) == said
