"""What a convert step leaves, and what a model that ran in it could have made of that."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.attacks.hostile_models import FORGED, FORGED_REPORT
from tflite_api.resource.metrics import Metric

ARTIFACT = FORGED
REPORT: dict[str, Any] = FORGED_REPORT
METRICS = (
    Metric.from_object({"name": "Top1Accuracy", "output": "y", "labels": "label", "min": "0.9", "maxDrop": "0.01"}),
)


def scored(model: str = "0.95", artifact: str = "0.94", drop: str = "0.01", **more: Any) -> dict[str, Any]:
    figures = {"model": model, "artifact": artifact, "drop": drop}
    shown = {name: dict.fromkeys(("value", "low", "high"), value) for name, value in figures.items()}
    return {
        **REPORT["verification"],
        "metrics": [{"name": "Top1Accuracy", "output": "y", "samples": 50, **shown, **more}],
    }


def report(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: (folder / "converted.json").write_text(json.dumps({**REPORT, **changes}))


def artifact(content: bytes) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        (folder / "model.tflite").write_bytes(content)
        report(sha256=hashlib.sha256(content).hexdigest())(folder)

    return write


def link(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return make


def pipe(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return make


def raw_report(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "converted.json").write_bytes(content)
