"""What the Events about a Job or a pod say is in its way. Whoever may write Events may write anything there."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from tflite_api.text import one_line
from tflite_operator.core.fields import Object, moment, text

_COMPONENTS: Final = frozenset(
    {
        "attachdetach-controller",
        "default-scheduler",
        "job-controller",
        "kubelet",
        "persistentvolume-controller",
        "taint-eviction-controller",
    }
)
"""Parts of Kubernetes that know why a pod does not start. Nobody else is quoted."""
_REFUSAL: Final = "FailedCreate"
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_CHARACTERS: Final = 512
_EMPTY: Final = re.compile(r"Error: \w+|Unable to attach or mount volumes: .*")
"""Words of the kubelet that repeat a container's state, or the names of volumes, and say nothing of the cause, which it
told just before."""


def latest_refusal(events: Iterable[Object]) -> str:
    """Return the Job controller's latest words on why it cannot make a Job's pod; empty if it has none."""
    refusals = [one for one in events if text(one, "reason") == _REFUSAL]
    return latest_warning(refusals).removeprefix(f"{_REFUSAL}: ").removeprefix("Error creating: ")


def latest_warning(events: Iterable[Object], since: datetime | None = None) -> str:
    """Return the latest warning of Kubernetes' own components, with its reason in front; empty if there is none.

    Args:
        events: about one object, in any order.
        since: what was in the way before then has been overcome.
    """
    told = [one for one in events if _component(one) in _COMPONENTS and text(one, "type") == "Warning"]
    late = [one for one in told if since is None or _time(one) >= since]
    telling = [one for one in late if not _EMPTY.fullmatch(text(one, "message").strip())]
    found = max(telling or late, key=_time, default=None)
    if found is None:
        return ""
    reason, words = one_line(text(found, "reason"), 64), one_line(text(found, "message"), _CHARACTERS)
    return f"{reason}: {words}" if reason and words else reason or words


def _component(event: Object) -> str:
    return text(event, "source", "component") or text(event, "reportingComponent")


def _time(event: Object) -> datetime:
    """Return when it was told last: the kubelet writes Events of the old kind, the scheduler those of the new."""
    times = (moment(event, *path) for path in (("lastTimestamp",), ("series", "lastObservedTime"), ("eventTime",)))
    return next((one for one in times if one is not None), _LONG_AGO)
