"""Whether the devices of a spec take a verified artifact; what a compiler makes of it may take its place."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.metadata import ModelMetadata
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target
from tflite_converter.artifact import flatbuffer, metadata
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import write_whole
from tflite_converter.core.tensors import Sample
from tflite_converter.targets import judgement, table
from tflite_converter.targets.examination import Subject

_VERIFIED_FILE: Final = "verified.tflite"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """An artifact as it was compared with its model."""

    artifact: Path
    keys: Sequence[str]
    """Of its signatures."""
    samples: Sequence[Sample]
    compares: bool
    """Whether what it computes can be compared."""
    scratch: Path
    quantization: Quantization
    min_snr_decibels: int
    metadata: ModelMetadata | None


@dataclass(frozen=True)
class Placed:
    """What is known of the artifact on its targets."""

    verified: Path
    """The file that was compared with the model."""
    fits: tuple[TargetFit, ...] | None = None
    notes: tuple[str, ...] = ()
    """What the user of another file than the verified one has to know; there are none where they are the same."""


def place(targets: Sequence[Target], verified: Verified) -> Placed:
    """Look at an artifact on each target; puts in its place what a compiler made of it, where that is asked.

    Raises:
        StepFailure: TargetUnmet.
    """
    subject = Subject(
        artifact=verified.artifact,
        key=min(verified.keys),
        samples=verified.samples,
        compares=verified.compares,
        min_snr_decibels=verified.min_snr_decibels,
        scratch=verified.scratch,
    )
    found = table.examine(targets, subject)
    judgement.hold(targets, found, verified.quantization)
    fits = tuple(each.fit for each in found)
    compiled = next((each.compiled for each in found if each.fit.compiled), None)
    if compiled is None:
        return Placed(verified.artifact, fits)
    _check_signatures(verified.artifact, compiled)
    kept = verified.scratch / _VERIFIED_FILE
    shutil.copyfile(verified.artifact, kept)
    write_whole(verified.artifact, compiled.read_bytes())
    if verified.metadata is not None:
        metadata.add_files(verified.artifact, verified.metadata, min(verified.keys))
    config = next(fit.config for fit in fits if fit.compiled)
    return Placed(kept, fits, (f"verified before Vela compiled it for {config}, which alone runs the published file",))


def _check_signatures(artifact: Path, compiled: Path) -> None:
    """Make sure that a compiler left alone how the file is called."""
    before, after = (flatbuffer.read(path).signatures for path in (artifact, compiled))
    if before != after:
        listing = "; ".join(str(tensor) for each in after for tensor in (*each.inputs, *each.outputs)) or "none"
        words = f"targets: Vela changed the signature, which has now {listing}"
        raise StepFailure(Reason.TARGET_UNMET, words, "leave out publishCompiled")
