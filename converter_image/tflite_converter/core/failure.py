"""How a step fails: one exception type that carries the reason and a message for a person; and how a model refuses."""

import errno
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.status import ArtifactSignature, MeasuredError
from tflite_api.step import MESSAGE_CHARACTERS, StepResult

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says where a disk, or what one may have of it, is full."""


def exhausted_resource(error: BaseException) -> Reason | None:
    """Give OutOfMemory or OutOfDisk where that is what an exception of Python's own means."""
    if isinstance(error, MemoryError):
        return Reason.OUT_OF_MEMORY
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return Reason.OUT_OF_DISK
    return None


def one_line(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Give a stranger's text as one line of printable characters, of at most `limit` characters."""
    printable = "".join(character if character.isprintable() else " " for character in text[: limit * 4])
    joined = " ".join(printable.split())
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


class StepFailure(Exception):  # noqa: N818 - a failure is an outcome of a step, foreseen and named
    """A step ends for a reason that is known.

    The message says what was found and what to change; it never holds a secret.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        signature: ArtifactSignature | None = None,
        verification: MeasuredError | None = None,
    ) -> None:
        """Keep the reason, the message (made one printable line) and what was measured until then."""
        self.reason = reason
        self.message = one_line(message)
        self.signature = signature
        self.verification = verification
        super().__init__(f"{reason}: {self.message}")

    def result(self) -> StepResult:
        """Give the report of the failed step."""
        return StepResult(
            reason=self.reason, message=self.message, signature=self.signature, verification=self.verification
        )


class RunRefused(Exception):  # noqa: N818 - what a model does with a sample that is not for it
    """A model cannot take a sample; the message has TensorFlow's words."""
