"""Inspecting the model that a handle names: it is fetched as for a conversion, read, and removed again."""

import tempfile
from pathlib import Path

from tflite_api.steps.step import FetchLimits
from tflite_converter.core.local_spec import LocalModelSource
from tflite_converter.core.progress import Progress
from tflite_converter.fetch import model
from tflite_converter.fetch.fetched import Place
from tflite_converter.inspection import findings
from tflite_converter.inspection.findings import Inspection
from tflite_converter.model import saved_model


def inspect(source: LocalModelSource, limits: FetchLimits, progress: Progress) -> Inspection:
    """Fetch a model and tell what is in it.

    Raises:
        StepFailure: the model cannot be fetched, or its proto not be parsed.
    """
    with tempfile.TemporaryDirectory(prefix="tflite-convert-") as work:
        folder = Path(work) / "model"
        folder.mkdir()
        fetched = model.fetch(source, Place(folder, Path(work), limits, progress))
        progress.phase("Reading saved_model.pb")
        graphs, verdict = findings.inspect(saved_model.read(fetched.folder), source.tags)
        return Inspection(
            model=source,
            digest=fetched.digest,
            size_bytes=_size(fetched.folder),
            graphs=graphs,
            verdict=verdict,
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
