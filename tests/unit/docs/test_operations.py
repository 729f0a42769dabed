"""The settings and reasons that docs/operations.md speaks of exist."""

import re
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_operator.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs/operations.md").read_text()


def test_every_setting_and_reason_it_speaks_of_exists() -> None:
    words = set(re.findall(r"`([A-Z][A-Za-z_]+)`", PAGE))
    known = {*Reason, *(name.upper() for name in Settings.model_fields), "Ready", "Stalled", "Reconciling"}
    assert len(words) > 15
    assert words - known == set()
