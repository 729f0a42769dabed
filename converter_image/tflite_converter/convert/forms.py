"""Two forms of one model, of which the better one is taken: an LSTM as one operator, and its loop written out.

Which loses less in integers differs from model to model: the operator keeps its state in 16 bits but has one scale for
each gate over all steps; written out, each step has its own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tflite_api.resource.quantization import Quantization
from tflite_api.resource.status import Digest
from tflite_api.schema import Schema
from tflite_converter.artifact import flatbuffer
from tflite_converter.convert.report_material import MaterialOrder
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import quantization
from tflite_converter.verify import comparison
from tflite_converter.verify.measurement import Measurement
from tflite_converter.verify.metrics import decibels
from tflite_converter.verify.reference import Reference

MOST_STEPS: Final = 128
"""Of a loop that is written out only to be compared: 100 steps take 4 s of the processor's time (own measurement)."""


class OtherForm(Schema):
    """An artifact that may be taken in the place of the first."""

    file: str
    sha256: Digest
    """As the converter gave it: what else the model's process left running may write to the file."""
    strategy: str
    notes: tuple[str, ...] = ()
    material: MaterialOrder
    """What else is made of the model, where something is compared with that."""


def taken(
    artifact: Path, other: OtherForm, asked: Quantization, keys: Sequence[str], references: Sequence[Reference]
) -> tuple[bool, str]:
    """Return whether the other form is better, in whose place it then is, and how both did in words.

    Args:
        artifact: the first form's file.
        other: the second.
        asked: how both are quantized.
        keys: of their signatures.
        references: what the model computes, by signature.
    """
    if any(seen.inconclusive is not None for seen in references):
        return False, ""
    ours, theirs = (_worst(file, asked, keys, references) for file in (artifact, Path(other.file)))
    words = f"of two forms the better one is taken: as one operator {_said(ours)}, written out {_said(theirs)}"
    if theirs is None or (ours is not None and ours >= theirs):
        return False, words
    Path(other.file).replace(artifact)
    return True, words


def _said(worst: float | None) -> str:
    return "it cannot run" if worst is None else f"{decibels(worst)} dB"


def _worst(artifact: Path, asked: Quantization, keys: Sequence[str], references: Sequence[Reference]) -> float | None:
    """Return the SNR (dB) that is held against the gate; None if there is none."""
    measured = Measurement()
    try:
        quantization.check_applied(asked, flatbuffer.read(artifact))
        comparison.measure(artifact, keys, references, measured)
    except (StepFailure, ValueError):
        # Whichever form is taken meets the same failure again, and then it is told.
        return None
    return measured.worst()[0] if measured.samples else None
