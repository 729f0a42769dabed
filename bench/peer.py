"""What is measured beside: the usual script, on models of Keras that both convert."""

import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.processes import ROOT, ProcessEnd, run
from tflite_api.steps.step import PreparedModel
from tflite_converter.core.step_files import PREPARED_FILE, write_model

CACHE: Final = ROOT / ".cache" / "bench"
ARTIFACT: Final = CACHE / "usual.tflite"
"""What the usual script writes."""


def exported(name: str) -> Path:
    """Return a folder with a model of bench.keras_models in `unpacked`, as prepare leaves one; it is made once."""
    target = CACHE / "models" / name
    if not (target / PREPARED_FILE).exists():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        export(name, target / "unpacked")
        write_model(target / PREPARED_FILE, PreparedModel(path="unpacked", model_digest=f"sha256:{'0' * 64}"))
    return target


def export(name: str, folder: Path) -> None:
    """Save a model of bench.keras_models in a new folder."""
    measured([sys.executable, "-m", "bench.keras_models", name, str(folder)], CACHE / "export.log")


def script(saved_model: Path) -> ProcessEnd:
    """Convert a model with the usual script."""
    command = [sys.executable, "-m", "bench.usual_recipe", str(saved_model), "None", str(ARTIFACT)]
    return measured(command, CACHE / "script.log")


def measured(command: Sequence[str], log: Path) -> ProcessEnd:
    """Run a command, which must succeed, and return what it took."""
    end = run(command, log)
    if end.status != 0:
        sys.exit(f"A command ended with {end.status}: see {log}")
    return end


def spread(ratios: Sequence[float]) -> str:
    """Return the median of ratios, with the least and the most."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
