"""`python -m bench.command_line`: what the program `tflite-convert` takes on somebody's own machine, in CPU time.

Its `run` does what a conversion does, from fetching to verification, and is measured beside the usual script, which
converts and no more; one after the other in turns.
"""

import json
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from bench import keras_models
from bench.markdown import table
from bench.peer import CACHE, exported, measured, script, spread
from tflite_api.names import API_VERSION, KIND

PROGRAM: Final = (sys.executable, "-m", "tflite_converter")
_HELP_SECONDS: Final = 0.35
_INSPECT_SECONDS: Final = 1.0
_RUN_RATIO: Final = 1.0
_LOG: Final = CACHE / "command-line.log"


@dataclass(frozen=True)
class Line:
    """What a command took, and what it may take."""

    command: str
    figures: tuple[float, ...]
    """CPU seconds; of `run` the ratios to the usual script's."""
    goal: float
    unit: str

    @property
    def is_kept(self) -> bool:
        """Return whether the goal is kept."""
        return statistics.median(self.figures) <= self.goal

    @property
    def cells(self) -> tuple[str, ...]:
        """What the table shows of it."""
        verdict = "kept" if self.is_kept else "MISSED"
        return (self.command, f"{spread(self.figures)} {self.unit}", f"{self.goal:g} {self.unit}", verdict)


def main(
    model: Annotated[str, typer.Option(help=f"One of {', '.join(keras_models.NAMES)}.")] = "MobileNetV2",
    rounds: Annotated[int, typer.Option(min=2, help="Runs of each, after one to warm up.")] = 5,
) -> None:
    """Measure, and print what was measured; ends with 1 where a goal is missed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lines = _lines(exported(model) / "unpacked", rounds)
    text = (
        f"CPU time, median of {rounds} rounds (least to most), on {model}.\n\n"
        f"{table(('command', 'measured', 'goal', ''), [line.cells for line in lines])}\n"
    )
    (CACHE / "command-line.md").write_text(text)
    print(text)
    if not all(line.is_kept for line in lines):
        sys.exit(1)


def _lines(saved_model: Path, rounds: int) -> list[Line]:
    manifest = _manifest(saved_model)
    return [
        Line("tflite-convert --help", _repeated(rounds, lambda: _cpu("--help")), _HELP_SECONDS, "s"),
        Line(
            "tflite-convert inspect",
            _repeated(rounds, lambda: _cpu("inspect", saved_model.as_uri())),
            _INSPECT_SECONDS,
            "s",
        ),
        Line(
            "tflite-convert run",
            _repeated(rounds, lambda: _run_beside_script(saved_model, manifest)),
            _RUN_RATIO,
            "of the script",
        ),
    ]


def _repeated(rounds: int, measure: Callable[[], float]) -> tuple[float, ...]:
    return tuple(measure() for _ in range(rounds + 1))[1:]


def _cpu(*arguments: str) -> float:
    return measured([*PROGRAM, *arguments], _LOG).cpu_seconds


def _run_beside_script(saved_model: Path, manifest: Path) -> float:
    output = CACHE / "command-line-output"
    shutil.rmtree(output, ignore_errors=True)
    return _cpu("run", "-f", str(manifest), "-o", str(output)) / script(saved_model).cpu_seconds


def _manifest(saved_model: Path) -> Path:
    """Write a conversion of a model; JSON is YAML."""
    path = CACHE / "command-line.yaml"
    model = {"handle": saved_model.as_uri()}
    named = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "bench"}}
    path.write_text(json.dumps({**named, "spec": {"model": model}}))
    return path


if __name__ == "__main__":
    typer.run(main)
