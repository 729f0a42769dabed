"""All kinds."""

from typing import Final

from tests.corpus.kinds import control, formats, guessed, language, sequences, vision
from tests.corpus.kinds.kind import Kind

ALL: Final[tuple[Kind, ...]] = (
    *vision.KINDS,
    *language.KINDS,
    *sequences.KINDS,
    *control.KINDS,
    *formats.KINDS,
    *guessed.KINDS,
)


def named(name: str) -> Kind:
    """Return the kind of a name."""
    return next(kind for kind in ALL if kind.name == name)
