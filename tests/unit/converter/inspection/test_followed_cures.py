"""A model that is exported with other names can be named by a conversion."""

from pathlib import Path

from tests.unit.converter.followed import Trial, follow, followed
from tests.unit.converter.inspection.test_first_manifest import IMAGE, PLACEMENT, inspected, signature
from tflite_api.reasons import Reason
from tflite_converter.inspection import first_manifest


def test_names_that_are_short_enough_are_written(tmp_path: Path) -> None:
    def written(key: str) -> Trial:
        return lambda _: first_manifest.compose(inspected(signature(key, IMAGE)), PLACEMENT)

    follow(
        followed("Export it with other names", Reason.INVALID_SPEC, written("k" * 257), written("k" * 256)), tmp_path
    )
