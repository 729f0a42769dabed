"""What the model computes on generated samples, handed from the process that runs it to the one that compares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tflite_converter.samples import Sample, Sampling, generate
from tflite_converter.signature import TensorFacts
from tflite_converter.verification import Array, Outputs, all_finite, same


@dataclass(frozen=True)
class Reference:
    """What the model computes."""

    sampling: Sampling
    outputs: tuple[Outputs | None, ...]
    """By sample; None where they hold infinities or NaN."""
    deterministic: bool
    """Whether it computed the same twice."""

    @property
    def finite(self) -> bool:
        """Whether there is any sample to compare on."""
        return any(output is not None for output in self.outputs)

    def samples(self, inputs: Sequence[TensorFacts]) -> Iterator[Sample]:
        """Give the samples that can be compared on, in the order of `compared`."""
        for sample, output in zip(generate(inputs, self.sampling), self.outputs, strict=True):
            if output is not None:
                yield sample

    @property
    def compared(self) -> tuple[Outputs, ...]:
        """The outputs that can be compared with."""
        return tuple(output for output in self.outputs if output is not None)


def observe(outputs: Sequence[Outputs], again: Outputs, sampling: Sampling) -> Reference:
    """Give what was seen of a model.

    Args:
        outputs: for each sample in turn.
        again: for the first sample once more, after all others, so that a model that changes itself is seen as well as
            a random one.
        sampling: how the samples were made.
    """
    return Reference(
        sampling, tuple(output if all_finite(output) else None for output in outputs), same(outputs[0], again)
    )


class _Names(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sampling: Sampling
    deterministic: bool
    outputs: Annotated[tuple[tuple[str, ...] | None, ...], Field()]


def save(reference: Reference, folder: Path) -> None:
    """Write a reference to an existing, empty folder."""
    folder.mkdir()
    names = _Names(
        sampling=reference.sampling,
        deterministic=reference.deterministic,
        outputs=tuple(None if output is None else tuple(output) for output in reference.outputs),
    )
    (folder / "names.json").write_text(names.model_dump_json())
    for number, output in enumerate(reference.outputs):
        for position, array in enumerate((output or {}).values()):
            np.save(_file(folder, number, position), array, allow_pickle=False)


def load(folder: Path) -> Reference:
    """Read what `save` wrote; the arrays stay on disk until they are used."""
    names = _Names.model_validate_json((folder / "names.json").read_bytes())
    return Reference(
        names.sampling,
        tuple(
            None if output is None else {name: _array(folder, number, position) for position, name in enumerate(output)}
            for number, output in enumerate(names.outputs)
        ),
        names.deterministic,
    )


def _file(folder: Path, number: int, position: int) -> Path:
    # Not the output's name: it may hold slashes.
    return folder / f"{number}-{position}.npy"


def _array(folder: Path, number: int, position: int) -> Array:
    array: Any = np.load(_file(folder, number, position), mmap_mode="r", allow_pickle=False)
    return np.asarray(array)
