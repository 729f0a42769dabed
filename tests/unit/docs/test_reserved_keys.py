"""The table of labels and annotations that nobody may choose is that of the code."""

import re
from pathlib import Path

from tflite_api.resource.pods.metadata import RESERVED_KEYS, RESERVED_PREFIXES

PAGE = Path(__file__).parents[3] / "docs/clusters.md"


def test_the_table_has_the_keys_that_are_reserved() -> None:
    table = PAGE.read_text().partition("| keys | why |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    prefixes = {name.removesuffix("…") for name in named if name.endswith("…")}
    keys = {name for name in named if not name.endswith("…")}
    assert prefixes == set(RESERVED_PREFIXES)
    assert keys == {key.removeprefix("app.kubernetes.io/") for key in RESERVED_KEYS} - {"name"} | {
        "app.kubernetes.io/name"
    }
