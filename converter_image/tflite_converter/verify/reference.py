"""What the model computes on samples, handed from the process that runs it to the one that compares."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from tflite_api.reasons import Reason
from tflite_api.resource.status import Distribution, SampleSource
from tflite_converter.core.tensors import Array, Outputs, Sample, Work
from tflite_converter.datasets.generated import Sampling
from tflite_converter.verify import effort
from tflite_converter.verify.metrics import Verdict

SOURCES: Final[dict[SampleSource, str]] = {
    "Generated": "generated inputs",
    "Calibration": "the samples of quantization.calibration.dataset",
    "Verification": "the samples of verification.samples.dataset",
}
_NAMES_FILE = "names.json"


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
    guesses: tuple[str, ...] = ()
    """What the values of generated inputs are, if they are not real numbers around 0: `image as pixels`."""
    distributions: tuple[Distribution, ...] = ()
    """What the generated samples were drawn from, by sample."""
    work: Work = field(default_factory=Work)
    """What it computes of one sample."""
    cut_short: bool = False
    """Whether more generated samples were meant to be run, and took too long."""
    in_sequence: bool = False
    """Whether its outputs are those of calls in a row from the model's start (sequence.py)."""
    folder: Path | None = None
    """Where its arrays are on disk, where they are."""

    @property
    def inconclusive(self) -> Verdict | None:
        """Why nothing can be compared with it; None where it can."""
        if not self.repeats and self.assigns_state:
            return Verdict(Reason.STATEFUL, "The model keeps state, and gives other outputs each time it starts")
        if not self.repeats:
            return Verdict(Reason.NON_DETERMINISTIC, "The model itself gives other outputs when it runs again")
        if all(output is None for output in self.outputs):
            words = f"The model itself gives infinities or NaN on {SOURCES[self.source]}"
            cure = ": name inputs that it is made for in verification.samples" if self.source == "Generated" else ""
            return Verdict(Reason.NON_FINITE, f"{words}{cure}")
        return None

    @property
    def is_telling(self) -> bool:
        """Return whether its outputs are finite and depend on the inputs."""
        return self.responds and any(output is not None for output in self.outputs)

    @property
    def caveat(self) -> Verdict | None:
        """Why a good comparison still says little, or None."""
        if self.responds:
            return None
        words = f"The model gives the same outputs for all of {SOURCES[self.source]}"
        return Verdict(
            Reason.INSENSITIVE,
            f"{words}, so an artifact that ignores its inputs would compare as well: name inputs that it responds to in"
            " verification.samples",
        )

    @property
    def guessed(self) -> str:
        """How the inputs were guessed, in words; empty if they were given."""
        if self.source != "Generated":
            return ""
        return f"Generated: {', '.join(self.guesses) or 'real numbers around 0'}"

    @property
    def sampling_is_open(self) -> bool:
        """Return whether fewer samples say as much: they were generated, and each call stands for itself."""
        return self.source == "Generated" and not self.in_sequence

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples that can be compared on, in the order of `compared`."""
        return tuple(sample for sample, output in zip(self.given, self.outputs, strict=True) if output is not None)

    @property
    def compared(self) -> tuple[Outputs, ...]:
        """The outputs that can be compared with."""
        return tuple(output for output in self.outputs if output is not None)


def sizes_in_words(references: Sequence[Reference], done: str) -> tuple[str, ...]:
    """Return which sizes flexible dimensions took when the model was `done` with them; nothing where none are."""
    return tuple(f"{done} with {words}" for words in dict.fromkeys(seen.sizes for seen in references) if words)


def all_guessed(references: Sequence[Reference]) -> str:
    """Return how all generated inputs were guessed; empty if they were given."""
    return "; ".join(dict.fromkeys(seen.guessed for seen in references if seen.guessed))


def guesses_in_words(references: Sequence[Reference]) -> tuple[str, ...]:
    """Return what generated inputs were taken for, where they are more than real numbers around 0."""
    return tuple(dict.fromkeys(seen.guessed for seen in references if seen.guessed and seen.guesses))


def cut_in_words(references: Sequence[Reference]) -> tuple[str, ...]:
    """Return a remark where fewer generated samples were run than were meant to be, else nothing."""
    if not any(seen.cut_short for seen in references):
        return ()
    calls = sum(len(seen.given) for seen in references)
    words = (
        f"on the first {calls} generated samples alone, as all of them would have taken more than"
        f" {effort.SECONDS:g} seconds of the processor's time: a faster machine sees more"
    )
    return (words,)


def state_in_words(references: Sequence[Reference]) -> tuple[str, ...]:
    """Return a remark if the comparison was one of calls in a row, else nothing."""
    if not any(seen.in_sequence for seen in references):
        return ()
    calls = sum(len(seen.given) for seen in references)
    return (f"over {calls} calls in a row from its start, as the model keeps state",)


class _Names(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inputs: tuple[tuple[str, ...], ...]
    outputs: tuple[tuple[str, ...] | None, ...]
    source: SampleSource
    repeats: bool
    assigns_state: bool
    responds: bool
    sizes: str
    guesses: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    work: Work
    cut_short: bool
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
        guesses=reference.guesses,
        distributions=reference.distributions,
        work=reference.work,
        cut_short=reference.cut_short,
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
        guesses=names.guesses,
        distributions=names.distributions,
        work=names.work,
        cut_short=names.cut_short,
        in_sequence=names.in_sequence,
        folder=folder,
    )


def _file(folder: Path, side: str, number: int, position: int) -> Path:
    # Not the tensor's name: it may hold slashes.
    return folder / f"{side}-{number}-{position}.npy"


def _array(path: Path) -> Array:
    array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(array)
