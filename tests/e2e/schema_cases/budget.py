"""Specs that keep or break each rule of the schema about the budget."""

from tests.e2e.schema_cases.least import Rule, changed

_SIZES = ("4Mi", "1.5Gi", "0.001Ki", "1M", "512", 4194304, "999999999999Ti")
_NO_SIZES = ("much", "4MB", "4 Mi", "500m", "1.5", "0", 0, "0.000Gi", "-1", -1, "", "1e6")

RULES: list[Rule] = [
    (
        "size",
        [changed("budget.maxSizeBytes", size) for size in _SIZES],
        [changed("budget.maxSizeBytes", size) for size in _NO_SIZES],
        "must be a size of at least one byte",
    ),
    ("what is allowed", [], [changed("budget", {})], "Required value"),
]
