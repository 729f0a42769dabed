"""Specs that keep or break each rule of the schema about the budget."""

from tests.e2e.schema_cases.least import Object, Rule, changed

_SIZES = ("4Mi", "1.5Gi", "0.001Ki", "1M", "512", 4194304, "999999999999Ti")
_NO_SIZES = ("much", "4MB", "4 Mi", "500m", "1.5", "0", 0, "0.000Gi", "-1", -1, "", "1e6")
_AMOUNTS = ("12", "0.001", "12.5", "999999999.999")
_NO_AMOUNTS = ("0", "0.000", "12.", ".5", "-1", "1e3", "0.0001", "much", "")


def _quantized(budget: Object, kind: str = "Float16") -> Object:
    return {**changed("budget", budget), "quantization": {"type": kind}}


def _threads(count: int, cpu: str | int) -> Object:
    return {**changed("budget.threads", count), "resources": {"limits": {"cpu": cpu}}}


def _compiled(budget: Object, **more: object) -> Object:
    target = {"name": "EthosU", "config": "ethos-u55-128", **more}
    return {**changed("budget", budget), "quantization": _INT8, "targets": [target]}


_RUNNING: list[Object] = [
    {"maxLatencyMilliseconds": "1"},
    {"maxRelativeLatency": "1"},
    {"threads": 1},
    {"maxArenaBytes": 1},
]
_FASTEST: Object = {"type": "Auto", "auto": {"objective": "Latency"}}
_INT8: Object = {"type": "Int8", "calibration": {"synthetic": True}}

RULES: list[Rule] = [
    (
        "size",
        [changed("budget.maxSizeBytes", size) for size in _SIZES],
        [changed("budget.maxSizeBytes", size) for size in _NO_SIZES],
        "must be a size of at least one byte",
    ),
    ("something", [], [changed("budget", {})], "names nothing: set maxSizeBytes, maxLatencyMilliseconds"),
    (
        "memory",
        [changed("budget.maxArenaBytes", size) for size in _SIZES],
        [changed("budget.maxArenaBytes", size) for size in _NO_SIZES],
        "must be a size of at least one byte",
    ),
    (
        "time",
        [changed("budget.maxLatencyMilliseconds", amount) for amount in _AMOUNTS],
        [changed("budget.maxLatencyMilliseconds", amount) for amount in _NO_AMOUNTS],
        "must be a decimal number above zero as text, with at most three places",
    ),
    (
        "time against floats",
        [_quantized({"maxRelativeLatency": amount}) for amount in _AMOUNTS],
        [_quantized({"maxRelativeLatency": amount}) for amount in _NO_AMOUNTS],
        "must be a decimal number above zero as text, with at most three places",
    ),
    (
        "floats against themselves",
        [],
        [changed("budget.maxRelativeLatency", "0.5"), _quantized({"maxRelativeLatency": "0.5"}, "None")],
        "budget.maxRelativeLatency compares with the artifact in floats",
    ),
    ("least threads", [changed("budget.threads", 1)], [changed("budget.threads", 0)], "greater than or equal to 1"),
    ("most threads", [changed("budget.threads", 256)], [changed("budget.threads", 257)], "less than or equal to 256"),
    (
        "threads and CPUs",
        [_threads(1, "100m"), _threads(1, 1), _threads(4, "4000m"), _threads(4, 5), _threads(2, "2.5")],
        [_threads(2, 1), _threads(2, "1999m"), _threads(3, "2.5")],
        "budget.threads must not exceed resources.limits.cpu",
    ),
    (
        "what only the NPU runs",
        [
            _compiled({"maxSizeBytes": 1}, publishCompiled=True),
            *(_compiled(budget, **more) for budget in _RUNNING for more in ({}, {"publishCompiled": False})),
        ],
        [
            *(_compiled(budget, publishCompiled=True) for budget in _RUNNING),
            {**_compiled({"maxSizeBytes": 1}, publishCompiled=True), "quantization": _FASTEST},
        ],
        "what publishCompiled publishes runs on the NPU alone",
    ),
]
