"""Having metrics held against what is published: the file runs in a process of its own, where no credentials are."""

import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric
from tflite_api.resource.status import Baseline
from tflite_api.steps.step import PublishedArtifact
from tflite_converter.core.baseline import unusable
from tflite_converter.core.digests import file_digest
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import read_model
from tflite_converter.promotion.messages import REFUSED, MeasuredSignature, PublishedOrder, Refusal
from tflite_converter.scoring import gates
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify.metrics import Verdict
from tflite_converter.worker import process

_MODULE: Final = "tflite_converter.promotion.child"


@dataclass(frozen=True)
class Promoted:
    """The new artifact, and what its model was run on."""

    artifact: Path
    signatures: Sequence[MeasuredSignature]
    metrics: Sequence[Metric]


def measure(published: PublishedArtifact | None, promoted: Promoted, scores: Scores) -> None:
    """Have the metrics that ask for it held against what is published; against the model where nothing is.

    Args:
        published: the artifact that is at the destination; None where there is none.
        promoted: the new one.
        scores: its metrics, all samples taken in.

    Raises:
        StepFailure: BaselineUnusable where it cannot be measured on the same samples, OutOfMemory.
    """
    if not scores.promoted:
        return
    if published is None:
        scores.baseline = Baseline(source="Model")
        return
    file = Path(published.path)
    if file_digest(file) != published.sha256:
        raise unusable("it was changed after it was fetched")
    scores.baseline = Baseline(source="Published", sha256=published.sha256)
    if published.sha256 == file_digest(promoted.artifact):
        scores.take_as_published()
        return
    with tempfile.TemporaryDirectory(prefix="published-") as folder:
        figures = Path(folder) / "figures.npz"
        order = PublishedOrder(
            file=str(file),
            signatures=tuple(promoted.signatures),
            metrics=tuple(promoted.metrics),
            figures=str(figures),
            refusal=str(Path(folder) / "refusal.json"),
        )
        _run(order)
        _take(figures, scores)


def hold_unmeasured(published: PublishedArtifact | None, promoted: Promoted, why: Verdict) -> None:
    """Refuse an artifact that cannot be measured where something else is published that it may be worse than.

    Args:
        published: the artifact that is at the destination; None where there is none.
        promoted: the new one.
        why: it cannot be measured.

    Raises:
        StepFailure: VerificationFailed.
    """
    if published is not None and published.sha256 != file_digest(promoted.artifact):
        gates.hold_unmeasured(promoted.metrics, why)


def _run(order: PublishedOrder) -> None:
    end = subprocess.run(process.command(_MODULE), input=order.model_dump_json(by_alias=True).encode(), check=False)
    if end.returncode == 0:
        return
    if end.returncode == -signal.SIGKILL:
        words = "Measuring the published artifact took more memory than there is"
        raise StepFailure(Reason.OUT_OF_MEMORY, words, OWN_CURE)
    if end.returncode < 0:
        raise unusable(f"running it ended by {signal.Signals(-end.returncode).name}")
    if end.returncode != REFUSED:
        # Its traceback is in the log already.
        raise RuntimeError(f"the process that runs the published artifact ended with {end.returncode}")
    raise unusable(read_model(Path(order.refusal), Refusal).why)


def _take(figures: Path, scores: Scores) -> None:
    try:
        with np.load(figures, allow_pickle=False) as found:
            scores.take_published({int(name): found[name] for name in found.files})
    except (OSError, ValueError) as error:
        raise unusable(f"running it left no figures ({error})") from error
