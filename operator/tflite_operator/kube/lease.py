"""What a Lease (coordination.k8s.io/v1) says, and what to write into it. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tflite_operator.core.fields import Object, field, integer, mapping, text


@dataclass(frozen=True)
class LeaseTerms:
    """How a lease is held. All in seconds."""

    duration: float
    """So long after a renewal that was seen, the others leave the lease alone."""
    renew_deadline: float
    """So long after its last renewal, the holder gives up."""
    retry_period: float
    """Between two renewals; those who wait look twice as often."""

    @property
    def grace(self) -> float:
        """Return for how long the others still leave the lease alone when its holder has given up."""
        return self.duration - self.renew_deadline


@dataclass(frozen=True)
class Lease:
    """A Lease as it was read."""

    holder: str
    """Empty when it was released."""
    renewed: str
    """As it is written. Whose clock that was is unknown, so it is compared with itself alone."""
    duration: float
    """Seconds that its holder promised; 0 when it does not say."""

    @classmethod
    def of(cls, found: Object) -> "Lease":
        """Read a Lease; whatever it holds."""
        return cls(
            holder=text(found, "spec", "holderIdentity"),
            renewed=text(found, "spec", "renewTime"),
            duration=float(integer(found, "spec", "leaseDurationSeconds") or 0),
        )


@dataclass(frozen=True)
class Sighting:
    """A Lease, and when it was first seen like this: seconds on a clock of one's own."""

    lease: Lease
    since: float

    def seconds_left(self, now: float, terms: LeaseTerms) -> float:
        """Return for how long others must leave the lease alone; 0 when it is free."""
        end = self.since + (self.lease.duration or terms.duration)
        return max(end - now, 0.0) if self.lease.holder else 0.0


def sight(lease: Lease, before: Sighting | None, now: float) -> Sighting:
    """Keep the time of the first sight of a lease that has not changed."""
    return before if before is not None and before.lease == lease else Sighting(lease, now)


def held(found: Object, name: str, holder: str, terms: LeaseTerms, now: datetime) -> dict[str, Any]:
    """Return the Lease with which `holder` takes or renews it; `found` is what was read, empty if there is none."""
    before = Lease.of(found)
    stays = before.holder == holder
    spec = {
        "holderIdentity": holder,
        "leaseDurationSeconds": round(terms.duration),
        "acquireTime": field(found, "spec", "acquireTime") if stays else _micro_time(now),
        "renewTime": _micro_time(now),
        "leaseTransitions": (integer(found, "spec", "leaseTransitions") or 0) + (not stays),
    }
    return _lease(found, name, dict(mapping(found, "spec")) | spec)


def released(found: Object, name: str, now: datetime) -> dict[str, Any]:
    """Return the Lease that the next one may take at once."""
    spec = {key: value for key, value in mapping(found, "spec").items() if key != "holderIdentity"}
    # The API server wants a duration of at least 1 s.
    return _lease(found, name, spec | {"leaseDurationSeconds": 1, "renewTime": _micro_time(now)})


def _lease(found: Object, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = dict(mapping(found, "metadata")) or {"name": name}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def _micro_time(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
