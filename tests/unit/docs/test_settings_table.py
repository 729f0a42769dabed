"""The table of settings is that of the code."""

import re
from pathlib import Path

from dev.generate import chart_values
from tflite_operator.settings import Settings

PAGE = Path(__file__).parents[3] / "docs/installing.md"


def test_the_table_has_the_settings_that_there_are() -> None:
    table = PAGE.read_text().partition("| setting |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = [name.lower() for row in rows for name in re.findall(r"`([A-Z_]+)`", row)]
    assert len(named) > 10
    assert [name for name in named if name not in Settings.model_fields] == []
    # The image has a section of its own; these are for those who read the code.
    untold = {"converter_image", "recheck_seconds", "request_timeout_seconds", "workers"}
    assert set(Settings.model_fields) - set(named) == untold | chart_values.FIXED
