"""The README's table of settings is that of the code."""

import re
from pathlib import Path

from tflite_operator.settings import Settings

README = Path(__file__).parents[3] / "README.md"


def test_every_setting_in_the_readme_exists() -> None:
    table = README.read_text().partition("| setting |")[2].partition("\n\n")[0]
    named = re.findall(r"`([A-Z_]+)`", table)
    assert len(named) > 10
    assert [name for name in named if name.lower() not in Settings.model_fields] == []
