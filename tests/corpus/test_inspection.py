"""Every one of other people's real models can be inspected."""

from pathlib import Path

import pytest

from tests.corpus.test_corpus import CORPUS
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.local_spec import LocalModelSource
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.inspection import fetch
from tflite_converter.inspection.findings import Inspection

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set TFLITE_CORPUS to a folder of SavedModel archives"),
]


@pytest.fixture(scope="module")
def inspected() -> dict[str, Inspection]:
    return {archive.name.removesuffix(".tar.gz"): inspect(archive) for archive in sorted(CORPUS.glob("*.tar.gz"))}


def inspect(archive: Path) -> Inspection:
    source = LocalModelSource(handle=archive.resolve().as_uri())
    return fetch.inspect(source, FetchLimits(), LoggedProgress())


def test_every_model_is_told_with_signatures_and_operations(inspected: dict[str, Inspection]) -> None:
    assert inspected
    for name, found in inspected.items():
        (graph,) = [graph for graph in found.graphs if graph.chosen]
        assert graph.signatures, name
        assert any(signature.operations for signature in graph.signatures), name
        assert (found.verdict.outcome == "Accepted") == any(one.converted for one in graph.signatures), name
