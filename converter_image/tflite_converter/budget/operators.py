"""In which operators an artifact spends its time, as LiteRT's profiler tells of a run of its own."""

import logging
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_api.resource.status import MOST_SLOW_OPERATORS, OPERATOR_CHARACTERS, SlowOperator
from tflite_api.text import one_line, printable
from tflite_converter.core.tensors import Sample
from tflite_converter.verify import litert
from tflite_converter.worker import process

_LOG = logging.getLogger(__name__)
_MODULE: Final = "tflite_converter.budget.litert_profiler"
_SECONDS: Final = 30.0
"""An honest one takes three on a busy machine; a model whose runs take longer each is left without."""
_SUMMARY: Final = "Summary by node type"
_ROW: Final = re.compile(r"\s*(?P<name>\S.*?)\s+\d+\s+[\d.]+\s+(?P<percent>\d+(?:\.\d+)?)%\s")
"""Name, number, milliseconds, share of the time."""
_OF_DELEGATE: Final = "Delegate/"
_LEAST_PERCENT: Final = 1.0


def slowest(artifact: Path, threads: int, key: str, sample: Sample) -> tuple[SlowOperator, ...] | None:
    """Return the operators that take the most of an inference, the slowest first; None where it cannot be told.

    Args:
        artifact: the file.
        threads: how many LiteRT and XNNPACK may use.
        key: of the signature.
        sample: one input by name, in real numbers.
    """
    with tempfile.TemporaryDirectory(prefix="profile-") as name:
        folder = Path(name)
        given = folder / "inputs.npz"
        arrays: dict[str, Any] = litert.as_taken(artifact, key, sample)
        np.savez(given, **arrays)
        command = [*process.command(_MODULE), str(artifact.absolute()), key, str(threads), str(given)]
        try:
            end = subprocess.run(
                command,
                cwd=folder,
                env=process.environment(os.environ, folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            _LOG.info("Which operators take the time is not told: the profiler took longer than %.0f s", _SECONDS)
            return None
    if end.returncode != 0:
        last = end.stderr.decode(errors="replace").strip().splitlines()[-1:]
        _LOG.info("Which operators take the time is not told: %s", one_line(f"{end.returncode} {' '.join(last)}", 300))
        return None
    return told(end.stdout.decode(errors="replace")) or None


def told(summary: str) -> tuple[SlowOperator, ...]:
    """Return the slowest operators of a profiler's summary, which has them in the order of what they take."""
    table = summary.partition(_SUMMARY)[2].partition("\n\n")[0]
    rows = [row for line in table.splitlines() if (row := _ROW.match(line)) is not None]
    found = [(_name(row["name"]), float(row["percent"])) for row in rows]
    return tuple(
        SlowOperator(name=name, share=f"{percent / 100:.3f}")
        for name, percent in found[:MOST_SLOW_OPERATORS]
        if percent >= _LEAST_PERCENT
    )


def _name(text: str) -> str:
    return printable(text.removeprefix(_OF_DELEGATE))[:OPERATOR_CHARACTERS]
