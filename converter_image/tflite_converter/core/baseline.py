"""What is said of a published artifact that nothing can be held against."""

from typing import Final

from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

_CURE: Final = "Publish under another key, or leave out baseline: Published until this artifact is there"


class BaselineUnusable(StepFailure):
    """A published artifact that nothing can be held against."""

    def __init__(self, which: str, why: str) -> None:
        """Keep why, which may be told in other words."""
        self.why = why
        super().__init__(Reason.BASELINE_UNUSABLE, f"{which} cannot be the baseline: {why}", _CURE)


def unusable(why: str, uri: str | None = None) -> BaselineUnusable:
    """Return the failure of a conversion that has no baseline; `uri` where the published artifact is, if known."""
    which = f"The published artifact {uri}" if uri else "The published artifact"
    return BaselineUnusable(which, why)
