"""How many conversions there are, by phase and reason: counted from what the watch shows, so a restart counts again."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tflite_api.reasons import Reason
from tflite_operator.core.fields import Object, integer, objects, text
from tflite_operator.core.labels import READY, RECONCILING, STALLED

OTHER: Final = "Other"
"""In place of a reason that is none of ours: anybody who may write a status could name a million."""
_REASONS: Final = {reason.value for reason in Reason}


class Standing(NamedTuple):
    """Where a conversion is."""

    phase: str
    """The condition that sums it up: Ready, Reconciling or Stalled."""
    reason: str


class ConversionStats:
    """The standing of every conversion that exists."""

    def __init__(self) -> None:
        """Start with none."""
        self._standings: dict[str, Standing] = {}
        self._counts: Counter[Standing] = Counter()

    def count(self, uid: str, conversion: Object) -> None:
        """Take note of a conversion as it is now."""
        self.forget(uid)
        now = self._standings[uid] = standing(conversion)
        self._counts[now] += 1

    def forget(self, uid: str) -> None:
        """Take note that a conversion is gone; another may have its name already."""
        before = self._standings.pop(uid, None)
        if before is not None:
            self._counts[before] -= 1

    def counts(self) -> dict[Standing, int]:
        """Return how many there are of each standing; 0 of one that there was before."""
        return dict(self._counts)


class ConversionCollector(Collector):
    """Shows the numbers at the moment it is asked, so no series outlives the conversions that it counted."""

    def __init__(self, stats: ConversionStats) -> None:
        """Take the numbers."""
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """Return the one metric."""
        family = GaugeMetricFamily(
            "tflite_operator_conversions",
            "Conversions that exist, by the condition that sums them up and its reason.",
            labels=["phase", "reason"],
        )
        for (phase, reason), number in self._stats.counts().items():
            family.add_metric([phase, reason], number)
        yield family


def standing(conversion: Object) -> Standing:
    """Return where a conversion is; one whose spec nobody has looked at yet is Pending."""
    seen = integer(conversion, "status", "observedGeneration")
    if seen is None or seen != integer(conversion, "metadata", "generation"):
        return Standing(RECONCILING, Reason.PENDING.value)
    conditions = {text(one, "type"): one for one in objects(conversion, "status", "conditions")}
    for phase in (STALLED, READY):
        if text(conditions.get(phase), "status") == "True":
            return Standing(phase, _reason(conditions[phase]))
    return Standing(RECONCILING, _reason(conditions.get(READY, {})))


def _reason(condition: Object) -> str:
    written = text(condition, "reason")
    return written if written in _REASONS else OTHER
