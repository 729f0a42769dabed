"""All kinds."""

from typing import Final

from tests.corpus.kinds.families import (
    control,
    effects,
    formats,
    guessed,
    language,
    numbers,
    pictures,
    recurrences,
    sequences,
    signatures,
    vision,
    weights,
)
from tests.corpus.kinds.kind import Kind

ALL: Final[tuple[Kind, ...]] = (
    *vision.KINDS,
    *language.KINDS,
    *sequences.KINDS,
    *control.KINDS,
    *formats.KINDS,
    *guessed.KINDS,
    *signatures.KINDS,
    *numbers.KINDS,
    *pictures.KINDS,
    *weights.KINDS,
    *recurrences.KINDS,
    *effects.KINDS,
)


def named(name: str) -> Kind:
    """Return the kind of a name."""
    return next(kind for kind in ALL if kind.name == name)
