"""How many conversions there are, by phase and reason: counted from what the watch shows, so a restart counts anew."""

from collections import Counter
from typing import Final, NamedTuple

from tflite_api.reasons import Reason
from tflite_operator.core.fields import Object, integer, objects, text
from tflite_operator.decide.status import READY, RECONCILING, STALLED

OTHER: Final = "Other"
"""In place of a reason that is none of ours: anybody who may write a status could name a million."""
_REASONS: Final = {reason.value for reason in Reason}


class Standing(NamedTuple):
    """Where a conversion is."""

    phase: str
    """The condition that sums it up: Ready, Reconciling or Stalled."""
    reason: str


class Census:
    """The standing of every conversion that exists."""

    def __init__(self) -> None:
        """Start with none."""
        self._standings: dict[str, Standing] = {}
        self._counts: Counter[Standing] = Counter()

    def take(self, conversion: Object, is_gone: bool) -> None:
        """Take note of a change."""
        if is_gone:
            self.forget(conversion)
        else:
            self.see(conversion)

    def see(self, conversion: Object) -> None:
        """Take note of a conversion as it is now."""
        self.forget(conversion)
        now = self._standings[_uid(conversion)] = standing(conversion)
        self._counts[now] += 1

    def forget(self, conversion: Object) -> None:
        """Take note that a conversion is gone; another may have its name already."""
        before = self._standings.pop(_uid(conversion), None)
        if before is not None:
            self._counts[before] -= 1

    def counts(self) -> dict[Standing, int]:
        """Give how many there are of each standing; 0 of one that there was before."""
        return dict(self._counts)


def standing(conversion: Object) -> Standing:
    """Give where a conversion is; one whose spec nobody has looked at yet is Pending."""
    seen = integer(conversion, "status", "observedGeneration")
    if seen is None or seen != integer(conversion, "metadata", "generation"):
        return Standing(RECONCILING, Reason.PENDING.value)
    conditions = {text(one, "type"): one for one in objects(conversion, "status", "conditions")}
    for phase in (STALLED, READY):
        if text(conditions.get(phase), "status") == "True":
            return Standing(phase, _reason(conditions[phase]))
    return Standing(RECONCILING, _reason(conditions.get(READY, {})))


def _uid(conversion: Object) -> str:
    return text(conversion, "metadata", "uid")


def _reason(condition: Object) -> str:
    written = text(condition, "reason")
    return written if written in _REASONS else OTHER
