"""Reads whether the admission policies are in force, and since when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tflite_api.names import GROUP
from tflite_operator.core.fields import Object, field, moment, objects, text, texts

JOBS_POLICY: Final = f"jobs.{GROUP}"
PODS_POLICY: Final = f"pods.{GROUP}"
POLICIES: Final = (GROUP, JOBS_POLICY, PODS_POLICY, f"exec.{GROUP}", f"operator.{GROUP}", f"placement.{GROUP}")
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


@dataclass(frozen=True, slots=True)
class ObservedRule:
    """A policy or a binding, as far as it tells whether it denies."""

    name: str
    denies: bool
    """Whether it denies in every namespace, given that the other one of its name does."""
    changed: datetime | None
    """When it was made, or when anybody last wrote what it says."""
    conversion_uid: str = ""
    """No conversion's: it is the whole cluster's."""


def observe_policy(policy: Object) -> ObservedRule:
    """Read a ValidatingAdmissionPolicy."""
    return _rule(policy, text(policy, "spec", "failurePolicy") != "Ignore")


def observe_binding(binding: Object) -> ObservedRule:
    """Read a ValidatingAdmissionPolicyBinding."""
    denies = "Deny" in texts(binding, "spec", "validationActions")
    return _rule(binding, denies and not field(binding, "spec", "matchResources"))


def read_admission(policies: Mapping[str, ObservedRule], bindings: Mapping[str, ObservedRule]) -> Admission:
    """Read policies with their bindings, both by name."""
    since = {name: _since(policies.get(name), bindings.get(name)) for name in POLICIES}
    missing = tuple(name for name, when in since.items() if when is None)
    of_jobs, of_pods = since[JOBS_POLICY], since[PODS_POLICY]
    return Admission(missing, max(of_jobs, of_pods) if of_jobs is not None and of_pods is not None else None)


def _since(policy: ObservedRule | None, binding: ObservedRule | None) -> datetime | None:
    """Return since when a policy denies in every namespace; None where it does not."""
    if policy is None or binding is None or not (policy.denies and binding.denies):
        return None
    changes = [one.changed for one in (policy, binding) if one.changed is not None]
    return max(changes) + _TAKES_HOLD if changes else None


def _rule(shown: Object, denies: bool) -> ObservedRule:
    written = [
        moment(one, "time") for one in objects(shown, "metadata", "managedFields") if not text(one, "subresource")
    ]
    changes = [when for when in (moment(shown, "metadata", "creationTimestamp"), *written) if when is not None]
    return ObservedRule(text(shown, "metadata", "name"), denies, max(changes, default=None))
