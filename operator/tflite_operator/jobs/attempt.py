"""One attempt at a conversion: one Job."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    """What tells an attempt from the others of its generation."""

    number: int
    """From 1, without gaps as long as the status or a Job remembers the one before."""
    failures: int = 0
    """How many attempts before it count against the limit."""
    request: str = ""
    """The value of the annotation requestedAt that it answers."""
    forced: bool = False
    """Whether it converts even if the bucket holds the artifact already."""
