"""What docs/operations.md promises is tested: the tests that it names exist, and its settings and reasons too."""

import re
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_operator.settings import Settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operations.md").read_text()
TABLE = PAGE.partition("## What happens when")[2].partition("\n## ")[0]
TESTS = [
    *(ROOT / "tests/e2e").glob("test_*.py"),
    *(ROOT / "tests/apiserver").glob("test_*.py"),
    ROOT / "tests/chaos/test_chaos.py",
]


def test_every_row_names_a_test_that_exists() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")][2:]
    named = [re.findall(r"`(test_\w+)` \|$", row) for row in rows]
    written = set(re.findall(r"^def (test_\w+)\(", "\n".join(file.read_text() for file in TESTS), re.MULTILINE))
    assert len(rows) > 25
    assert all(len(found) == 1 for found in named), rows
    assert [name for [name] in named if name not in written] == []


def test_every_setting_and_reason_it_speaks_of_exists() -> None:
    words = set(re.findall(r"`([A-Z][A-Za-z_]+)`", PAGE))
    known = {*Reason, *(name.upper() for name in Settings.model_fields), "Ready", "Stalled", "Reconciling"}
    assert len(words) > 15
    assert words - known == set()
