"""What docs/security.md says is shown by tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_threat_names_a_test_that_exists() -> None:
    table = (ROOT / "docs/security.md").read_text().partition("## Threat model")[2].partition("\nWhat this does not")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    named = [re.findall(r"`(test_\w+)` \|$", row) for row in rows]
    tests = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    written = set(re.findall(r"^def (test_\w+)\(", tests, re.MULTILINE))
    assert len(rows) > 8
    assert all(len(found) == 1 for found in named), rows
    assert [name for [name] in named if name not in written] == []
