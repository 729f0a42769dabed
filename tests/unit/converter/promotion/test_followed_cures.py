"""A conversion whose baseline is of no use, or that cannot be measured, is published as its refusal says."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.followed import Trial, follow, followed
from tests.unit.converter.promotion.test_measurement import artifacts, family, measured
from tflite_api.reasons import Reason
from tflite_converter.core.step_files import ARTIFACT_FILE

__all__ = ["artifacts", "family"]

pytestmark = pytest.mark.tensorflow

UNUSABLE = "Publish under another key, or leave out baseline: Published until this artifact is there"
UNMEASURED = "Publish under another key, or leave out baseline: Published to replace it unmeasured"


@pytest.mark.parametrize(
    ("published", "model", "reason", "words"),
    [
        ("wide", "good", Reason.BASELINE_UNUSABLE, UNUSABLE),
        ("cut", "good", Reason.BASELINE_UNUSABLE, UNUSABLE),
        ("good", "random", Reason.VERIFICATION_FAILED, UNMEASURED),
    ],
)
def test_another_key_or_no_baseline_is_enough(
    family: Path, artifacts: dict[str, Path], tmp_path: Path, published: str, model: str, reason: Reason, words: str
) -> None:
    def converted(there: Path | None, **metric: Any) -> Trial:
        return lambda folder: measured(family, model, folder, there, **metric)

    def once_it_is_there(folder: Path) -> None:
        measured(family, model, folder, None)
        first = folder / "published.tflite"
        first.write_bytes((folder / "output" / ARTIFACT_FILE).read_bytes())
        measured(family, model, folder, first)

    follow(
        followed(
            words,
            reason,
            converted(artifacts[published]),
            converted(None),
            converted(artifacts[published], baseline="Model"),
            once_it_is_there,
        ),
        tmp_path,
    )
