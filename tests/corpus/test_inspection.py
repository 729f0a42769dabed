"""Every one of other people's real models can be inspected, and what inspection says comes true."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.test_corpus import CORPUS
from tflite_api.step import FetchLimits
from tflite_converter import handle_inspection
from tflite_converter.inspection import Inspection
from tflite_converter.local_spec import LocalModelSource
from tflite_converter.progress import LoggedProgress

ROWS = Path(__file__).parents[2] / ".cache" / "corpus" / "rows.jsonl"
"""What `make corpus` found out by converting."""

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set TFLITE_CORPUS to a folder of SavedModel archives"),
]


@pytest.fixture(scope="module")
def inspected() -> dict[str, Inspection]:
    return {archive.name.removesuffix(".tar.gz"): inspect(archive) for archive in sorted(CORPUS.glob("*.tar.gz"))}


def inspect(archive: Path) -> Inspection:
    source = LocalModelSource(handle=archive.resolve().as_uri())
    return handle_inspection.inspect(source, FetchLimits(), LoggedProgress())


def converted() -> Iterator[dict[str, Any]]:
    for line in ROWS.read_text().splitlines() if ROWS.exists() else ():
        if (row := json.loads(line))["mode"] == "None":
            yield row


def test_every_model_is_told_with_signatures_and_operations(inspected: dict[str, Inspection]) -> None:
    assert inspected
    for name, found in inspected.items():
        (graph,) = [graph for graph in found.graphs if graph.chosen]
        assert graph.signatures, name
        assert any(signature.operations for signature in graph.signatures), name
        assert (found.verdict.outcome == "Accepted") == any(one.converted for one in graph.signatures), name


def test_what_it_says_is_what_the_conversion_came_to(inspected: dict[str, Inspection]) -> None:
    rows = [row for row in converted() if row["model"] in inspected]
    if not rows:
        pytest.skip("no row of `make corpus` to compare with")
    for row in rows:
        found = inspected[row["model"]]
        if found.verdict.outcome == "Refused":
            assert (found.verdict.reason, found.verdict.message) == (row["reason"], row["message"]), row["model"]
        else:
            # Only trying tells what LiteRT and its converter lack; all else is seen before.
            assert row["outcome"] == "SUCCESS" or row["reason"] in {"UnsupportedOperation", "ConversionFailed"}
        if row["outcome"] == "SUCCESS":
            taken = [one for graph in found.graphs for one in graph.signatures if one.converted]
            assert set(taken[0].strategies) <= set(row["strategy"].split("+")), row["model"]
