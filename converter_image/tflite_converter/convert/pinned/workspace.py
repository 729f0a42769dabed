"""Where a model that was run is kept: in the child's scratch folder, or in one that the trials of a search share."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from tflite_api.schema import Schema
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.convert.pinned.workspace_files import KEPT_FILE, shapes_folder
from tflite_converter.convert.strategy import Attempt
from tflite_converter.core.step_files import write_model, write_whole
from tflite_converter.core.tensors import Shape, SignatureFacts
from tflite_converter.quantize.calibration import CalibrationSamples

_FIRST_FILE: Final = "first-attempt.json"
_CALIBRATION: Final = "calibration"
_PINNED: Final = "pinned"
_ATTEMPT: Final = TypeAdapter(Attempt)


class KeptModel(Schema):
    """What the next trial needs to know of a model that was run."""

    taken: dict[str, Shape]
    """The shapes of its inputs in the first sample."""
    is_calibrated: bool
    """Whether there are samples to measure activations on."""


class Workspace:
    """The folder of one conversion, or of all trials of one search."""

    def __init__(self, order: ConversionOrder) -> None:
        """Take where the order says."""
        self._scratch = Path(order.scratch_dir)
        self._shared = Path(order.trial.workspace_dir) if order.trial is not None else None

    @property
    def first_attempt(self) -> Attempt | None:
        """What an earlier trial tried first; None where this is the first."""
        if self._shared is None or not (self._shared / _FIRST_FILE).exists():
            return None
        return _ATTEMPT.validate_json((self._shared / _FIRST_FILE).read_bytes())

    def keep_first(self, attempt: Attempt) -> None:
        """Keep what is tried first, so that no later trial loads the model to find that out."""
        if self._shared is not None:
            write_whole(self._shared / _FIRST_FILE, _ATTEMPT.dump_json(attempt))

    def place(self, signatures: Sequence[SignatureFacts]) -> "Place":
        """Return where the model with the shapes of these signatures is, or is to be."""
        if self._shared is None:
            return Place(self._scratch, self._scratch / _PINNED, is_shared=False)
        shapes = hashlib.sha256(repr(signatures).encode()).hexdigest()[:16]
        folder = shapes_folder(self._shared, shapes)
        folder.mkdir(exist_ok=True)
        # What is made of it on the way stands beside it, and is of this trial alone.
        pinned = self._scratch / _PINNED
        pinned.unlink(missing_ok=True)
        pinned.symlink_to(folder / _PINNED)
        return Place(folder, pinned, is_shared=True)


class Place:
    """Where a model with certain shapes is."""

    def __init__(self, folder: Path, pinned: Path, *, is_shared: bool) -> None:
        """Take its folder, and that of the pinned SavedModel."""
        self.folder = folder
        self.pinned = pinned
        self.is_shared = is_shared

    def clear(self) -> None:
        """Make room for the pinned SavedModel."""
        folder = self.folder / _PINNED
        shutil.rmtree(folder, ignore_errors=True)
        if self.is_shared:
            # A link leads there.
            folder.mkdir()

    def kept(self) -> KeptModel | None:
        """Return what an earlier trial left here."""
        file = self.folder / KEPT_FILE
        return KeptModel.model_validate_json(file.read_bytes()) if self.is_shared and file.exists() else None

    def keep(self, taken: dict[str, Shape], samples: CalibrationSamples | None) -> None:
        """Leave what the next trial needs."""
        if not self.is_shared:
            return
        if samples is not None:
            samples.save(self.folder / _CALIBRATION)
        write_model(self.folder / KEPT_FILE, KeptModel(taken=taken, is_calibrated=samples is not None))

    def samples(self) -> CalibrationSamples:
        """Return what an earlier trial measured activations on."""
        return CalibrationSamples.load(self.folder / _CALIBRATION)

    def floats(self, attempt: Attempt, *, with_ranges: bool) -> Path:
        """Return where the model's file in floats is, or is to be, perhaps with the ranges of its activations."""
        return self.folder / f"{'ranges' if with_ranges else 'floats'}-{attempt.name}.tflite"
