"""`python -m bench.convert_step`: the whole convert step beside the usual script, in time and peak memory.

The convert step is the container's own command, with everything it does: supervise, load, pin, run the model as the
reference, convert, measure with LiteRT. The usual script converts and writes the file, no more. Each runs in a process
of its own, one after the other in turns, so that a slow minute of the machine hits both. The processor's time says more
than the time that passes where others use the machine.
"""

import itertools
import json
import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bench import keras_models
from bench.markdown import table
from bench.peer import ARTIFACT, CACHE, exported, measured, script, spread
from tflite_api.names import STEP_REQUEST_ENV
from tflite_api.steps.step import StepRequest

_REQUEST: Final = StepRequest.from_object(
    {
        "owner": "bench/convert",
        "cluster": "bench",
        "spec": {
            "model": {"handle": "https://example.com/model/1"},
            "destination": {"s3": {"bucket": "bench", "key": "model.tflite", "secretRef": {"name": "none"}}},
        },
    }
)


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    """Of all its processes together, counted as if each had its peak at the same time."""


@dataclass(frozen=True)
class Step:
    """A run of the convert step."""

    cost: Cost
    phases: dict[str, float]
    """Seconds of each phase that it told of; `Start` is what passes before the first."""


def main(
    model: Annotated[list[str], typer.Option(help="Which models; all by default.")] = [*keras_models.NAMES],  # noqa: B006 - never changed
    rounds: Annotated[int, typer.Option(min=2, help="Pairs of runs, after one to warm up.")] = 7,
) -> None:
    """Compare the convert step with the usual script on models from 0.2 to 100 MB."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lines, phases = [], []
    for name in model:
        folder = exported(name)
        pairs = [(_step(folder), _script(folder)) for _ in range(rounds + 1)][1:]
        lines.append(_line(name, ARTIFACT.stat().st_size, pairs))
        phases.append(_phase_line(name, [step for step, _ in pairs]))
        print(lines[-1], flush=True)
    head = (
        "model",
        "artifact",
        "script s",
        "step s",
        "time ratio",
        "CPU ratio",
        "script MiB",
        "step MiB",
        "memory ratio",
    )
    text = (
        f"Ratios are convert step / usual script, median of {rounds} pairs (least to most).\n\n"
        f"{table(head, lines)}\n\nWhere the step's time goes (median, s):\n\n{_listing(phases)}\n"
    )
    (CACHE / "convert-step.md").write_text(text)
    print(f"\n{text}")


def _step(folder: Path) -> Step:
    output, report, log = CACHE / "output", CACHE / "termination-log", CACHE / "step.log"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    command = [sys.executable, "-m", "tflite_converter", "convert", "--model-dir", str(folder)]
    os.environ[STEP_REQUEST_ENV] = _REQUEST.model_dump_json(by_alias=True, exclude_none=True)
    end = measured([*command, "--output-dir", str(output), "--termination-log", str(report)], log)
    said: dict[str, Any] = json.loads(report.read_bytes())
    return Step(Cost(end.seconds, end.cpu_seconds, said["peakMemoryBytes"]), _phases(log, end.seconds))


def _phases(log: Path, whole: float) -> dict[str, float]:
    """Return the seconds from each phase to the next, from the step's own log; the last ends with the step's report."""
    told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith('{"time"')]
    moments = [
        (line["message"], datetime.fromisoformat(line["time"]).timestamp())
        for line in told
        if line["message"] in _PHASES or "step" in line
    ]
    known = {name: end - begin for (name, begin), (_, end) in itertools.pairwise(moments)}
    return known | {"Start": whole - sum(known.values())}


_PHASES: Final = ("Reading the model", "Running the model", "Converting", "Verifying")


def _script(folder: Path) -> Cost:
    end = script(folder / "unpacked")
    return Cost(end.seconds, end.cpu_seconds, end.peak_bytes)


def _line(name: str, size: int, pairs: Sequence[tuple[Step, Cost]]) -> tuple[str, ...]:
    steps, scripts = [step.cost for step, _ in pairs], [script for _, script in pairs]
    times = [step.cost.seconds / script.seconds for step, script in pairs]
    cpu = [step.cost.cpu_seconds / script.cpu_seconds for step, script in pairs]
    memory = [step.cost.peak_bytes / script.peak_bytes for step, script in pairs]
    return (
        name,
        f"{size / 1e6:.1f} MB",
        f"{statistics.median(cost.seconds for cost in scripts):.2f}",
        f"{statistics.median(cost.seconds for cost in steps):.2f}",
        spread(times),
        spread(cpu),
        f"{statistics.median(cost.peak_bytes for cost in scripts) / 2**20:.0f}",
        f"{statistics.median(cost.peak_bytes for cost in steps) / 2**20:.0f}",
        spread(memory),
    )


def _phase_line(name: str, steps: Sequence[Step]) -> tuple[str, ...]:
    names = ("Start", *_PHASES)
    return (name, *(f"{statistics.median(step.phases.get(phase, 0.0) for step in steps):.2f}" for phase in names))


def _listing(phases: Sequence[tuple[str, ...]]) -> str:
    return table(("model", "start and import", "load", "run and pin", "convert", "verify"), phases)


if __name__ == "__main__":
    typer.run(main)
