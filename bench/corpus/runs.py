"""One model in one mode: through `tflite-convert run`, and through the usual recipe."""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.corpus.models import CorpusModel
from bench.processes import ROOT, ProcessEnd, run, without_network
from tflite_api.resource.quantization_types import CALIBRATED, QuantizationType

Mode = QuantizationType
MODES: Final[tuple[Mode, ...]] = tuple(QuantizationType)
USUAL_MODES: Final[tuple[Mode, ...]] = (Mode.NONE, Mode.FLOAT16, Mode.DYNAMIC_RANGE, Mode.INT8)
"""What people do with TensorFlow's converter."""
_TIMEOUT_SECONDS: Final = 900
Object = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    model: str
    mode: str
    outcome: str
    """SUCCESS, STALLED, RETRIED or what became of a process that left no result."""
    reason: str
    verdict: str
    strategy: str
    snr: str
    """In dB, of the worst output; empty where nothing was measured."""
    size: int | None
    """Of the artifact, in bytes."""
    seconds: float
    """The whole process: start, imports, unpacking, conversion, verification."""
    peak_bytes: int | None
    """Supervisor and child together."""
    message: str
    usual: str
    """What became of the usual recipe, and whether its artifact computes what the model computes."""
    usual_seconds: float
    usual_peak_bytes: int
    chosen: str = ""
    """What type Auto took, as the status has it."""
    trials: int = 0
    """How many artifacts it made."""

    def to_object(self) -> Object:
        """Return the run as JSON."""
        return asdict(self)

    @property
    def is_right(self) -> bool:
        """Return whether the artifact was measured and computes what its model computes."""
        return self.verdict in {"SNRSufficient", "RealDataNotSeen"}


@dataclass(frozen=True)
class UsualEnd:
    """What the usual recipe came to."""

    words: str
    seconds: float
    peak_bytes: int


NOT_TRIED: Final = UsualEnd("not tried", 0, 0)


def python(*arguments: str) -> list[str]:
    """Return a command of this Python without network."""
    return [*without_network(), sys.executable, *arguments]


def convert(model: CorpusModel, mode: Mode, folder: Path, usual: UsualEnd, gate: int | None = None) -> Row:
    """Run `tflite-convert run` on a model, in a process of its own without network."""
    file = folder / "conversion.yaml"
    file.write_text(json.dumps(_resource(model, mode, gate)))
    command = python("-m", "tflite_converter", "run", "--file", str(file), "--output", str(folder / "out"))
    end = run(command, folder / "convert.log", _TIMEOUT_SECONDS)
    found = _result(folder / "out" / "result.json")
    return Row(
        model=model.name,
        mode=mode,
        outcome=found.get("outcome") or _words(end, folder / "convert.log"),
        reason=found.get("reason", ""),
        verdict=found.get("verdict", ""),
        strategy=found.get("provenance", {}).get("strategy", ""),
        snr=found.get("verification", {}).get("snrDecibels", ""),
        size=found.get("artifact", {}).get("sizeBytes"),
        seconds=round(end.seconds, 2),
        peak_bytes=found.get("peakMemoryBytes"),
        message=found.get("message", ""),
        usual=usual.words,
        usual_seconds=round(usual.seconds, 2),
        usual_peak_bytes=usual.peak_bytes,
        chosen=json.dumps(found["quantization"]) if "quantization" in found else "",
        trials=len(found.get("trials", ())),
    )


def keep_reference(model: CorpusModel, folder: Path) -> None:
    """Keep what the model computes, for `usual`."""
    if model.folder is not None:
        command = python("-m", "bench.corpus.judge", "reference", str(model.folder), str(folder))
        run([*command], folder / "reference.log", _TIMEOUT_SECONDS)


def usual(model: CorpusModel, mode: Mode, references: Path, folder: Path) -> UsualEnd:
    """Run the usual recipe on a model, and judge its artifact, each in a process of its own without network."""
    if mode not in USUAL_MODES:
        return NOT_TRIED
    if model.folder is None:
        return UsualEnd("fails: no SavedModel", 0, 0)
    artifact, log = folder / "usual.tflite", folder / "usual.log"
    command = python("-m", "bench.usual_recipe", str(model.folder), mode, str(artifact))
    end = run(command, log, _TIMEOUT_SECONDS)
    if end.status != 0 or not artifact.exists():
        return UsualEnd(f"fails: {_words(end, log)}", end.seconds, end.peak_bytes)
    return UsualEnd(judged(references, artifact, mode), end.seconds, end.peak_bytes)


def judged(references: Path, artifact: Path, mode: QuantizationType) -> str:
    """Compare an artifact with what its model computes; a LiteRT that dies on it is an answer too."""
    if not (references / "keys.json").exists():
        return "not judged: TensorFlow cannot run the model"
    command = python("-m", "bench.corpus.judge", "compare", str(references), str(artifact), mode)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return "wrong: LiteRT does not end"
    return done.stdout.strip().splitlines()[-1] if done.returncode == 0 else f"wrong: LiteRT ended by {done.returncode}"


def _resource(model: CorpusModel, mode: Mode, gate: int | None) -> Object:
    quantization: Object = {"type": mode}
    if mode in {Mode.AUTO, *CALIBRATED}:
        quantization["calibration"] = {"synthetic": True}
    return {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {"name": "corpus"},
        "spec": {
            "model": {"handle": model.source.as_uri()},
            "quantization": quantization,
            **({"verification": {"minSNRDecibels": gate}} if gate is not None else {}),
        },
    }


def _result(path: Path) -> Object:
    try:
        found: Object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def _words(end: ProcessEnd, log: Path) -> str:
    """Put a process that did not do its work into words: its last line, else its signal."""
    if end.timed_out:
        return f"no end after {_TIMEOUT_SECONDS} s"
    if end.status < 0:
        return f"ended by signal {-end.status}"
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:160] if lines else f"exit code {end.status}"
