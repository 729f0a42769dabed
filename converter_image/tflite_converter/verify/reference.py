"""What the model computes on samples, handed from the process that runs it to the one that compares."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from tflite_api.reasons import Reason
from tflite_api.resource.status import SampleSource
from tflite_api.text import one_line
from tflite_converter.core.failure import RunRefused, StepFailure
from tflite_converter.core.tensors import Array, Outputs, Sample, TensorFacts
from tflite_converter.datasets.generated import STRENGTHS, Sampling, generate, samplings
from tflite_converter.verify.metrics import Verdict, all_finite, responds, same

_SOURCES: Final[dict[SampleSource, str]] = {
    "Generated": "generated inputs",
    "Calibration": "the samples of quantization.calibration.dataset",
    "Verification": "the samples of verification.samples.dataset",
}
_NAMES_FILE = "names.json"
_CHANNELS_LAST: Final = re.compile(r"only supports? (the )?NHWC|NHWC tensor format|format NHWC on (the )?CPU|NCHW.*CPU")
"""How TensorFlow's kernels say on a CPU that they take channels last alone (tensorflow/core/kernels/*_ops.cc)."""


@dataclass(frozen=True)
class GivenSamples:
    """The user's samples for a signature."""

    samples: Sequence[Sample]
    source: SampleSource


@dataclass(frozen=True)
class Reference:
    """What the model computes."""

    given: tuple[Sample, ...]
    outputs: tuple[Outputs | None, ...]
    """By sample; None where they hold infinities or NaN."""
    source: SampleSource
    repeats: bool
    """Whether it computed the same again, after other samples."""
    assigns_state: bool
    """Whether its graph changes variables or other resources."""
    responds: bool
    """Whether its outputs depend on the sample."""
    sampling: Sampling | None = None
    """How the samples were generated."""
    sizes: str = ""
    """Which sizes flexible dimensions took, in words."""
    in_sequence: bool = False
    """Whether its outputs are those of calls in a row from the model's start (sequence.py)."""
    folder: Path | None = None
    """Where its arrays are on disk, where they are."""

    @property
    def doubt(self) -> Verdict | None:
        """Why nothing can be compared with it; None where it can."""
        if not self.repeats and self.assigns_state:
            return Verdict(Reason.STATEFUL, "The model keeps state, and gives other outputs each time it starts")
        if not self.repeats:
            return Verdict(Reason.NON_DETERMINISTIC, "The model itself gives other outputs when it runs again")
        if all(output is None for output in self.outputs):
            words = _SOURCES[self.source]
            return Verdict(Reason.NON_FINITE, f"The model itself gives infinities or NaN on {words}")
        return None

    @property
    def is_telling(self) -> bool:
        """Return whether its outputs are finite and depend on the inputs."""
        return self.responds and any(output is not None for output in self.outputs)

    @property
    def reservation(self) -> Verdict | None:
        """Why a good comparison still says little, or None."""
        if self.responds:
            return None
        words = f"The model gives the same outputs for all of {_SOURCES[self.source]}"
        return Verdict(
            Reason.INSENSITIVE,
            f"{words}, so an artifact that ignores its inputs would compare as well: name inputs that it responds to in"
            " verification.samples",
        )

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples that can be compared on, in the order of `compared`."""
        return tuple(sample for sample, output in zip(self.given, self.outputs, strict=True) if output is not None)

    @property
    def compared(self) -> tuple[Outputs, ...]:
        """The outputs that can be compared with."""
        return tuple(output for output in self.outputs if output is not None)


def observe(
    run: Callable[[Sample], Outputs],
    inputs: Sequence[TensorFacts],
    bounds: Mapping[str, int],
    given: GivenSamples | None,
    *,
    assigns_state: bool,
) -> Reference:
    """Run a model on the user's samples, or on generated ones of the first kind that it accepts.

    Args:
        run: runs the model once; raises RunRefused where it cannot take the sample.
        inputs: the signature's inputs.
        bounds: the lengths of the tables that inputs index.
        given: the user's samples; None to generate some.
        assigns_state: whether the graph changes variables or other resources.

    Raises:
        StepFailure: DatasetMismatch where the model refuses a sample of the user's, VerificationFailed where it
            refuses all that is generated, UnsupportedOperation where it takes nothing on a CPU.
    """
    if given is not None:
        try:
            return _observed(run, given.samples, given.source, assigns_state)
        except RunRefused as refusal:
            _check_layout(refusal)
            words = f"The model refuses one of {_SOURCES[given.source]}: {one_line(str(refusal), 400)}"
            raise StepFailure(Reason.DATASET_MISMATCH, words, "Give samples that it takes") from refusal
    refused = ""
    for sampling in samplings(inputs):
        try:
            seen = _generated(run, inputs, sampling, bounds, assigns_state)
        except RunRefused as refusal:
            _check_layout(refusal)
            refused = refused or one_line(str(refusal), 300)
        else:
            return seen if seen.is_telling else _stirred(run, inputs, seen, sampling, bounds)
    cure = "name inputs that it takes in verification.samples"
    if any(tensor.shape is None or -1 in tensor.shape for tensor in inputs):
        cure = f"pin its shapes in signature.inputs, or {cure}"
    words = f"TensorFlow cannot run the signature on generated inputs ({refused})"
    raise StepFailure(Reason.VERIFICATION_FAILED, words, cure)


def _check_layout(refusal: RunRefused) -> None:
    """Refuse a model that nothing here can run, whatever it is given."""
    if _CHANNELS_LAST.search(str(refusal)):
        raise StepFailure(
            Reason.UNSUPPORTED_OPERATION,
            "The model computes with channels first (data_format NCHW), which TensorFlow cannot run on a CPU, so there"
            f" is nothing to compare with ({one_line(str(refusal), 200)})",
            "export it with channels last",
        ) from refusal


def _generated(
    run: Callable[[Sample], Outputs],
    inputs: Sequence[TensorFacts],
    sampling: Sampling,
    bounds: Mapping[str, int],
    assigns_state: bool,
) -> Reference:
    samples = list(generate(inputs, sampling, bounds))
    seen = _observed(run, samples, "Generated", assigns_state)
    responds = seen.responds or not inputs
    return replace(seen, responds=responds, sampling=sampling, sizes=sampling.in_words(inputs))


def _stirred(
    run: Callable[[Sample], Outputs],
    inputs: Sequence[TensorFacts],
    seen: Reference,
    sampling: Sampling,
    bounds: Mapping[str, int],
) -> Reference:
    """Try weaker and stronger inputs on a model that gives the same for all, or nothing finite."""
    for strength in STRENGTHS:
        with suppress(RunRefused):
            other = _generated(run, inputs, replace(sampling, strength=strength), bounds, seen.assigns_state)
            if other.is_telling and other.doubt is None:
                return other
    return seen


def _observed(
    run: Callable[[Sample], Outputs],
    samples: Sequence[Sample],
    source: SampleSource,
    assigns_state: bool,
) -> Reference:
    outputs = [run(sample) for sample in samples]
    # After all others, so that a model that changes itself is seen as well as a random one.
    again = run(samples[0])
    finite = tuple(output if all_finite(output) else None for output in outputs)
    return Reference(
        given=tuple(samples),
        outputs=finite,
        source=source,
        repeats=same(outputs[0], again),
        assigns_state=assigns_state,
        responds=responds([output for output in finite if output is not None]),
    )


class _Names(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inputs: tuple[tuple[str, ...], ...]
    outputs: tuple[tuple[str, ...] | None, ...]
    source: SampleSource
    repeats: bool
    assigns_state: bool
    responds: bool
    sizes: str
    in_sequence: bool


def save(reference: Reference, folder: Path) -> None:
    """Write a reference to a new folder."""
    folder.mkdir()
    names = _Names(
        inputs=tuple(tuple(sample) for sample in reference.given),
        outputs=tuple(None if output is None else tuple(output) for output in reference.outputs),
        source=reference.source,
        repeats=reference.repeats,
        assigns_state=reference.assigns_state,
        responds=reference.responds,
        sizes=reference.sizes,
        in_sequence=reference.in_sequence,
    )
    (folder / _NAMES_FILE).write_text(names.model_dump_json())
    for side, arrays in (("input", reference.given), ("output", reference.outputs)):
        for number, named in enumerate(arrays):
            for position, array in enumerate((named or {}).values()):
                np.save(_file(folder, side, number, position), array, allow_pickle=False)


def load(folder: Path) -> Reference:
    """Read what `save` wrote; the arrays stay on disk until they are used."""
    names = _Names.model_validate_json((folder / _NAMES_FILE).read_bytes())

    def arrays(side: str, number: int, wanted: Sequence[str]) -> dict[str, Array]:
        return {name: _array(_file(folder, side, number, position)) for position, name in enumerate(wanted)}

    return Reference(
        tuple(arrays("input", number, wanted) for number, wanted in enumerate(names.inputs)),
        tuple(
            None if wanted is None else arrays("output", number, wanted) for number, wanted in enumerate(names.outputs)
        ),
        names.source,
        names.repeats,
        names.assigns_state,
        names.responds,
        sizes=names.sizes,
        in_sequence=names.in_sequence,
        folder=folder,
    )


def _file(folder: Path, side: str, number: int, position: int) -> Path:
    # Not the tensor's name: it may hold slashes.
    return folder / f"{side}-{number}-{position}.npy"


def _array(path: Path) -> Array:
    array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(array)
