"""Buckets in which a conversion left what it made, and what prepare makes of them."""

import json
from pathlib import Path
from typing import Any

from tests import report_pages
from tests.attacks.hostile_models import FORGED, FORGED_REPORT
from tests.unit.converter.signing import attestations
from tests.unit.converter.storage.servers.memory_store import MemoryStore
from tflite_api.steps.step import PreparedModel, StepRequest
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps.prepare import prepare
from tflite_converter.steps.publish import publish

KEY, BESIDE, PAGE = "a/b.tflite", "a/b.tflite.intoto.jsonl", "a/b.tflite.report.html"
"""Of the artifact, its attestation and its report page."""


REPORT: dict[str, Any] = FORGED_REPORT
MEASURED: dict[str, Any] = REPORT["verification"]


def request(**changes: Any) -> StepRequest:
    """A conversion without datasets, whose attestation is signed."""
    return attestations.request(**{"quantization": {"type": "None"}, "verification": {}, **changes})


def published(asked: StepRequest, tmp_path: Path, store: MemoryStore | None = None, **reported: Any) -> MemoryStore:
    """Return a bucket in which a conversion left what it made and `reported`; `FORGED` stands for that."""
    folder = tmp_path / "output"
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(FORGED)
    (folder / "converted.json").write_text(json.dumps({**REPORT, **reported}))
    (folder / "report.json").write_text(report_pages.data().model_dump_json(by_alias=True, exclude_none=True))
    store = store or MemoryStore()
    prepared = PreparedModel(path=".", model_digest=f"sha256:{'3' * 64}", started="2026-11-22T12:00:00Z")
    publish(asked, prepared, folder, LoggedProgress(), store)
    return store


def again(asked: StepRequest, store: MemoryStore, tmp_path: Path) -> PreparedModel:
    """Return what prepare makes of the bucket; the model must be fetched by hand."""
    return prepare(asked, tmp_path, tmp_path, LoggedProgress(), store)
