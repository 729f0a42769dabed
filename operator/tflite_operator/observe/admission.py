"""Reads whether the admission policies are in force, and since when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tflite_api.names import GROUP
from tflite_operator.core.fields import Object, field, moment, objects, text, texts

JOBS_POLICY: Final = f"jobs.{GROUP}"
PODS_POLICY: Final = f"pods.{GROUP}"
POLICIES: Final = (GROUP, JOBS_POLICY, PODS_POLICY, f"operator.{GROUP}", f"placement.{GROUP}")
"""Each with a binding of the same name: docs/security.md says what each is for."""
_TAKES_HOLD: Final = timedelta(seconds=30)
"""Within it every API server of a cluster has heard of a policy."""


@dataclass(frozen=True)
class Admission:
    """Which policies are in force."""

    missing: tuple[str, ...]
    """Those that are not, by name."""
    guarded_since: datetime | None
    """Since when nobody else makes Jobs and pods that pass for the operator's; None where somebody may."""


NOTHING_IN_FORCE: Final = Admission(POLICIES, None)


def read_admission(found: Mapping[str, tuple[Object | None, Object | None]]) -> Admission:
    """Read policies with their bindings, by name; None where there is none."""
    since = {name: _since(*found.get(name, (None, None))) for name in POLICIES}
    missing = tuple(name for name, when in since.items() if when is None)
    of_jobs, of_pods = since[JOBS_POLICY], since[PODS_POLICY]
    return Admission(missing, max(of_jobs, of_pods) if of_jobs is not None and of_pods is not None else None)


def _since(policy: Object | None, binding: Object | None) -> datetime | None:
    """Return since when a policy denies in every namespace; None where it does not."""
    if policy is None or binding is None or "Deny" not in texts(binding, "spec", "validationActions"):
        return None
    if field(binding, "spec", "matchResources") or text(policy, "spec", "failurePolicy") == "Ignore":
        return None
    changes = [changed for one in (policy, binding) for changed in _changes(one)]
    return max(changes) + _TAKES_HOLD if changes else None


def _changes(changed: Object) -> list[datetime]:
    """Return when an object was made, and when anybody last wrote what it says."""
    written = [
        moment(one, "time") for one in objects(changed, "metadata", "managedFields") if not text(one, "subresource")
    ]
    return [when for when in (moment(changed, "metadata", "creationTimestamp"), *written) if when is not None]
