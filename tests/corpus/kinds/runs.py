"""A kind in a type of quantization: converted as the convert step does it, and judged by somebody else."""

import hashlib
import math
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.corpus.kinds import cures
from tests.corpus.kinds.cures import Cure
from tests.corpus.kinds.kind import RIGHT, Kind
from tests.corpus.kinds.make import CALLS, DATASET, EXPECTED, MODEL
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import ConvertedModel, FetchedDataset, FetchedDatasets
from tflite_converter.convert.supervised import ConversionFailed
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.step_files import ARTIFACT_FILE
from tflite_converter.steps import convert as step

_TIMEOUT_SECONDS: Final = 300
_CURED: Final = {RIGHT, Reason.REAL_DATA_NOT_SEEN.value, Reason.SELECT_TF.value}
"""What has to become of a refusal whose cure is followed: what needs the Flex delegate cannot be verified here."""
_PASSED: Final = {RIGHT, Reason.REAL_DATA_NOT_SEEN.value}
_MOST_CURES: Final = 3
"""Messages that are followed one after the other: what stays in floats may still be refused by the gate."""
_OTHER_SAMPLES: Final = 3.0
"""How much worse than the gate (dB) an artifact may be on samples that it was not verified on."""
_ROOT: Final = Path(__file__).parents[3]
_DATASET: Final = "https://example.com/calibration.npz"
_PLACES: Final = {
    "model": {"handle": "https://example.com/model/1"},
    "destination": {"s3": {"bucket": "kinds", "key": "model.tflite", "secretRef": {"name": "none"}}},
}


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    kind: str
    type: QuantizationType
    outcome: str
    expected: tuple[str, ...]
    strategy: str
    said: str
    """The SNR (dB) that the conversion measured."""
    in_use: float | None
    """The same on other samples, by a LiteRT run of the judge's own; None where there is nothing to compare with."""
    least: float
    """What that has to be where the outcome is called right."""
    seconds: float
    peak_bytes: int
    message: str
    cure: str = ""
    """What the message of a refusal asks for, where the spec can say it."""
    cured: str = ""
    """What came of following it."""
    right_then: tuple[str, ...] = ()
    """What is right to come of it for the type that it asks for, but for the same refusal again."""

    @property
    def is_as_expected(self) -> bool:
        """Return whether the result is right for its kind and in use, and whether a cure that was followed works."""
        works = not self.cure or self.cured in _CURED or self.cured in self.right_then
        return self.outcome in self.expected and not self.is_silently_wrong and works

    @property
    def is_silently_wrong(self) -> bool:
        """Return whether a wrong artifact was published as right, as far as anybody could tell."""
        return self.outcome in _PASSED and self.in_use is not None and self.in_use < self.least


def make(kind: Kind, folder: Path) -> None:
    """Make a kind's model in a process of its own, unless it is there."""
    if (folder / CALLS).exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "tests.corpus.kinds.make", kind.name, str(folder)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{kind.name} cannot be made:\n{done.stderr}")


def row(kind: Kind, wanted: QuantizationType, folder: Path, scratch: Path) -> Row:
    """Convert a kind's model, and again as the message says where that is a refusal.

    Args:
        kind: made already.
        wanted: the type of quantization.
        folder: where it was made.
        scratch: a folder that is emptied.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    first = last = _convert(kind, wanted, folder, scratch / "first", Cure("", wanted))
    followed = list[str]()
    while len(followed) < _MOST_CURES and (cure := _cure(last, kind)) is not None:
        followed.append(cure.words)
        last = _convert(kind, cure.kind, folder, scratch / f"cured-{len(followed)}", cure)
    if not followed:
        return first
    others = tuple(outcome for outcome in last.expected if outcome != first.outcome)
    return replace(first, cure=", then ".join(followed), cured=last.outcome, right_then=others)


def _cure(last: Row, kind: Kind) -> Cure | None:
    refused = last.outcome != RIGHT and Reason(last.outcome).outcome is not Outcome.VERDICT
    return cures.named(last.outcome, last.message, last.type, kind.pin) if refused else None


def _convert(kind: Kind, wanted: QuantizationType, folder: Path, output: Path, change: Cure) -> Row:
    output.mkdir(parents=True)
    spec = _spec(kind, wanted, change)
    began = time.monotonic()
    converted: ConvertedModel | None = None
    try:
        done = step.convert(
            spec, folder / MODEL, output, LoggedProgress(), _TIMEOUT_SECONDS, _datasets(kind, spec, folder)
        )
    except ConversionFailed as failure:
        outcome, message, peak = failure.reason.value, failure.message, failure.peak_memory_bytes
    except StepFailure as failure:
        outcome, message, peak = failure.reason.value, failure.message, 0
    else:
        converted, message, peak = done.converted, done.converted.message, done.peak_memory_bytes
        outcome = RIGHT if converted.verdict is Reason.SNR_SUFFICIENT else converted.verdict.value
    seconds = time.monotonic() - began
    measured = converted.verification if converted is not None else None
    return Row(
        kind=kind.name,
        type=wanted,
        outcome=outcome,
        expected=kind.outcomes(wanted),
        strategy=converted.strategy if converted is not None else "",
        said=measured.snr_decibels if measured is not None else "",
        in_use=_in_use(kind, folder, output / ARTIFACT_FILE) if converted is not None else None,
        least=kind.least if kind.least is not None else wanted.facts.min_snr_decibels - _OTHER_SAMPLES,
        seconds=round(seconds, 1),
        peak_bytes=peak,
        message=message,
    )


def _spec(kind: Kind, wanted: QuantizationType, change: Cure) -> ConversionSpec:
    asked: dict[str, Any] = {**_PLACES, **kind.spec, **change.spec}
    source = {"synthetic": True} if kind.synthetic else {"dataset": _DATASET}
    calibration = {"calibration": source} if wanted.facts.is_calibrated else {}
    asked["quantization"] = {"type": str(wanted), **calibration, **asked.get("quantization", {})}
    if change.with_samples:
        asked["verification"] = {"samples": {"dataset": _DATASET}}
    return ConversionSpec.from_object(asked)


def _datasets(kind: Kind, spec: ConversionSpec, folder: Path) -> FetchedDatasets:
    content = (folder / DATASET).read_bytes()
    fetched = FetchedDataset(path=str(folder / DATASET), digest=f"sha256:{hashlib.sha256(content).hexdigest()}")
    return FetchedDatasets(
        calibration=fetched if spec.quantization.calibration is not None and not kind.synthetic else None,
        verification=fetched if spec.verification is not None and spec.verification.samples is not None else None,
    )


def _in_use(kind: Kind, folder: Path, artifact: Path) -> float | None:
    if not (folder / EXPECTED).exists():
        return None
    command = [sys.executable, "-m", "tests.corpus.kinds.judge", str(folder), str(artifact), kind.key]
    done = subprocess.run([*command, str(kind.stateful)], cwd=_ROOT, capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else -math.inf
