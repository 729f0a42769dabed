"""`python -m bench.labelled`: what each quantization type, and Auto, costs three trained models, in users' metrics."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from bench import markdown
from bench.labelled import models
from bench.labelled.data import Labelled
from bench.labelled.models import INPUT, TASKS, Task
from bench.processes import ROOT
from tflite_api.resource.quantization_types import CALIBRATED, FIXED, QuantizationType

FOLDER: Final = ROOT / ".cache" / "labelled"
AUTO: Final = QuantizationType.AUTO
_CALIBRATION: Final = 200
_HEAD: Final = ("model", "type", "bytes", "of floats", "metric", "of the model", "of the artifact", "drop", "SNR (dB)")


def main(
    scikit_learn: Annotated[
        Path | None, typer.Option(help="Its wheel, for the digits; not needed where it is installed.", exists=True)
    ] = None,
    only: Annotated[str, typer.Option(help="Only the model of this name.")] = "",
) -> None:
    """Train three models, convert each to every type and to what Auto finds, and print a table."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    lines = []
    for task in (task for task in TASKS if only in {"", task.name}):
        folder = FOLDER / task.name
        folder.mkdir(parents=True)
        try:
            labelled = task.labelled(scikit_learn)
        except FileNotFoundError as error:
            sys.exit(str(error))
        output = models.train(task, labelled, folder / "model")
        save(labelled, folder)
        sizes: list[int] = []
        for kind in (*FIXED, AUTO):
            lines.append(line(task, kind, converted(task, output, kind, folder), sizes))
            print(markdown.table(_HEAD, [lines[-1]]).splitlines()[-1], flush=True)
    page = markdown.table(_HEAD, lines) + "\n"
    (FOLDER / "table.md").write_text(page)
    print(f"\n{page}")


def save(labelled: Labelled, folder: Path) -> None:
    """Write the samples to calibrate with and those to measure on."""
    calibration: dict[str, Any] = {INPUT: labelled.train[0][:_CALIBRATION]}
    np.savez(folder / "calibration.npz", **calibration)
    inputs, labels = labelled.test
    test: dict[str, Any] = {INPUT: inputs, "label": labels}
    np.savez(folder / "test.npz", **test)


def converted(task: Task, output: str, kind: QuantizationType, folder: Path) -> dict[str, Any]:
    """Convert the model to a type as a user would, and return what `tflite-convert run` says of it."""
    quantization: dict[str, Any] = {"type": kind}
    if kind in {AUTO, *CALIBRATED}:
        dataset = (folder / "calibration.npz").as_uri()
        quantization["calibration"] = {"dataset": dataset, "maxSamples": _CALIBRATION}
    samples = {"dataset": (folder / "test.npz").as_uri(), "maxSamples": 10_000}
    metric = {"name": task.metric, "output": output, "labels": "label"}
    if kind is AUTO:
        metric["maxDrop"] = task.most_drop
    resource = {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {"name": task.name},
        "spec": {
            "model": {"handle": (folder / "model").as_uri()},
            "quantization": quantization,
            "verification": {"minSNRDecibels": 0, "samples": samples, "metrics": [metric]},
        },
    }
    file, made = folder / f"{kind}.yaml", folder / str(kind)
    file.write_text(json.dumps(resource))
    command = [sys.executable, "-m", "tflite_converter", "run", "-f", str(file), "-o", str(made)]
    subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    found: dict[str, Any] = json.loads((made / "result.json").read_bytes())
    return found


def line(task: Task, kind: QuantizationType, found: dict[str, Any], sizes: list[int]) -> tuple[str, ...]:
    """Return a line of the table.

    Args:
        task: the model.
        kind: of the quantization.
        found: what the run says.
        sizes: those of the lines before, the first one in floats.
    """
    asked = f"{kind}, drop at most {task.most_drop}" if kind is AUTO else str(kind)
    if "artifact" not in found:
        return (task.name, asked, "", "", task.metric, "", "", f"{found['reason']}: {found['message']}", "")
    sizes.append(found["artifact"]["sizeBytes"])
    (metric,) = found["verification"]["metrics"]
    model, artifact, drop = (_figure(metric[name]) for name in ("model", "artifact", "drop"))
    share, decibels = f"{100 * sizes[-1] / sizes[0]:.0f} %", found["verification"]["snrDecibels"]
    return (task.name, _made(asked, found), str(sizes[-1]), share, task.metric, model, artifact, drop, decibels)


def _made(asked: str, found: dict[str, Any]) -> str:
    """Return what was asked for; after a search with what it chose, and after how many trials."""
    if (chosen := found.get("quantization")) is None:
        return asked
    kept = (chosen.get("keepFloat") or chosen.get("keepInt8") or {}).get("tensors", ())
    layers = f" with {len(kept)} layer{'s' if len(kept) != 1 else ''} kept" if kept else ""
    trials = len(found["trials"])
    return f"{asked}: {chosen['type']}{layers}, {f'of {trials} trials' if trials > 1 else 'the only trial'}"


def _figure(estimate: dict[str, str]) -> str:
    return f"{estimate['value']} [{estimate['low']} to {estimate['high']}]"


if __name__ == "__main__":
    typer.run(main)
