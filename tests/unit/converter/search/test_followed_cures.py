"""A search that finds nothing is asked for what it says to relax, and finds something."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.search.test_plan import DYNAMIC, FLOAT16, INT8
from tests.unit.converter.search.test_search import auto, run
from tests.unit.converter.search.test_unreachable import over
from tflite_api.reasons import Reason
from tflite_api.resource import budget as asked_budget
from tflite_api.resource.budget import Budget
from tflite_converter.search import unreachable
from tflite_converter.search.plan import State

Asked = dict[str, Any]
Cure = Callable[[str], Asked]
"""Returns what to ask for, of the number that a message names."""

DENSE = auto("DynamicRange", "None")


def gated(gate: int, **asked: Any) -> Asked:
    return {"gate": gate, "quantization": auto("DynamicRange"), **asked}


FOLLOWED: list[tuple[str, Asked, str, list[Cure]]] = [
    (
        "dense",
        gated(90),
        r"Lower verification\.minSNRDecibels to (\d+)",
        [lambda number: gated(int(number))],
    ),
    (
        "dense",
        {"gate": 20, "quantization": DENSE, "budget": {"maxSizeBytes": 500}},
        r"Raise budget\.maxSizeBytes to (\d+)",
        [lambda number: {"gate": 20, "quantization": DENSE, "budget": {"maxSizeBytes": int(number)}}],
    ),
    (
        "dense",
        {"gate": 20, "quantization": DENSE, "budget": {"maxArenaBytes": 64}},
        r"Raise budget\.maxArenaBytes to (\d+)",
        [lambda number: {"gate": 20, "quantization": DENSE, "budget": {"maxArenaBytes": int(number)}}],
    ),
    (
        "dense",
        gated(90, quantization=auto("DynamicRange", "None", maxTrials=1)),
        r"raise quantization\.auto\.maxTrials, as (None) were not tried",
        [lambda kind: gated(90, quantization=auto("DynamicRange", kind, maxTrials=2))],
    ),
    (
        "random",
        {"gate": 20, "quantization": auto("Float16", "None")},
        "(Write the quantization.type that you want)",
        [lambda _: {"gate": 20, "quantization": {"type": "Float16"}}],
    ),
]


@pytest.mark.tensorflow
@pytest.mark.usefixtures("forked_children")
@pytest.mark.parametrize(("model", "asked", "words", "cures"), FOLLOWED)
def test_what_a_search_says_to_relax_is_enough(
    models: Path, tmp_path: Path, model: str, asked: Asked, words: str, cures: list[Cure]
) -> None:
    refused, _ = run(models / model, tmp_path / "refused", **asked)
    assert refused.reason is Reason.BUDGET_UNREACHABLE, refused.message
    named = re.search(words, refused.message)
    assert named is not None, refused.message
    for number, cure in enumerate(cures):
        cured, _ = run(models / model, tmp_path / str(number), **cure(named[1]))
        assert cured.reason is Reason.CONVERTED, cured.message


@pytest.mark.tensorflow
@pytest.mark.usefixtures("forked_children")
def test_a_gate_of_metrics_that_is_relaxed_is_held(models: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    samples = np.random.default_rng(3).standard_normal((40, 64)).astype(np.float32)
    right = np.maximum(samples @ tf.random.stateless_normal([64, 32], seed=(1, 2)).numpy(), 0)
    np.savez(tmp_path / "labelled.npz", x=samples, label=right)

    def searched(name: str, most: str) -> Any:
        metric = {"name": "MeanAbsoluteError", "output": "y", "labels": "label", "maxDrop": most}
        verification = {"samples": {"dataset": (tmp_path / "labelled.npz").as_uri()}, "metrics": [metric]}
        asked = gated(0, quantization=auto("WeightOnlyInt4"), verification=verification)
        return run(models / "dense", tmp_path / name, **asked)[0]

    refused = searched("refused", "0.000000001")
    assert refused.reason is Reason.BUDGET_UNREACHABLE, refused.message
    assert "Relax the gate of verification.metrics that it misses" in refused.message
    assert searched("cured", "1000").reason is Reason.CONVERTED


def test_all_that_the_nearest_exceeds_is_to_be_raised_at_once() -> None:
    made = (over(INT8, "3.0001", 1500, 900), over(DYNAMIC, "2.5001", 2000, 1000))
    state = State(candidates=(INT8, DYNAMIC, FLOAT16), max_trials=32, most_bytes=None, made=made)
    failure = unreachable.explained(
        state, 25, Budget.from_object({"maxLatencyMilliseconds": "2", "maxArenaBytes": 1600})
    )
    raised = dict(re.findall(r"raise budget\.(\w+) to ([\d.]+\d)", failure.message.lower()))
    asked = {
        "maxLatencyMilliseconds": raised["maxlatencymilliseconds"],
        "maxArenaBytes": int(raised["maxarenabytes"]),
    }
    assert " and raise budget.maxArenaBytes" in failure.message
    nearest = made[1].benchmark
    assert nearest is not None
    assert asked_budget.exceeded(Budget.from_object(asked), nearest) == []
    for field, value in asked.items():
        alone = {"maxLatencyMilliseconds": "2", "maxArenaBytes": 1600, field: value}
        assert asked_budget.exceeded(Budget.from_object(alone), nearest) != []
