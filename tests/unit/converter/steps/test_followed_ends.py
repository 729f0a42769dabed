"""A model without what ended its conversion converts, and a conversion that is given more time comes to its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import hostile_models
from tests.unit.converter.followed import Trial, follow, followed
from tests.unit.converter.steps.test_hostile_child import SPEC
from tests.unit.converter.worker.test_supervisor import run
from tflite_api.reasons import Reason
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps.convert import convert
from tflite_converter.worker.supervisor import explain


def converted(attack: Callable[[str], Any]) -> Trial:
    """Return what converts a model that does something as it is loaded, beside the folder of the result."""

    def trial(folder: Path) -> object:
        (folder / "output").mkdir()
        hostile_models.save(attack(str(folder / "output")), folder / "model")
        return convert(SPEC, folder / "model", folder / "output", LoggedProgress())

    return trial


@pytest.mark.tensorflow
@pytest.mark.usefixtures("forked_children")
@pytest.mark.parametrize(
    ("words", "reason", "attack"),
    [
        (
            "do not trust it, or export it without operations that write files",
            Reason.ARTIFACT_REFUSED,
            hostile_models.forge_in,
        ),
        ("Export it without such operations", Reason.CONVERSION_CRASHED, hostile_models.forge_and_end_in),
    ],
)
def test_a_model_that_leaves_its_conversion_alone_converts(
    words: str, reason: Reason, attack: Callable[[str], Any], tmp_path: Path
) -> None:
    follow(followed(words, reason, converted(attack), converted(lambda _: lambda _: None)), tmp_path)


def test_what_takes_long_is_done_where_it_may_take_longer(tmp_path: Path) -> None:
    def ended(seconds: float) -> Trial:
        def trial(_: Path) -> None:
            failure = explain(run("import time; time.sleep(1)", seconds), None)
            if failure is not None:
                raise failure

        return trial

    follow(
        followed("Raise spec.activeDeadlineSeconds", Reason.DEADLINE_EXCEEDED, ended(0.2), ended(60)),
        tmp_path,
    )
