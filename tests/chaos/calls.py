"""The calls that the operator makes, and at which of them a life of it ends."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

BEFORE: Final = "before"
"""The request has not left."""
SENT: Final = "sent"
"""The request has left, and nothing of the answer has been read."""
ANSWERED: Final = "answered"
"""The API server has answered, and nothing was done with the answer."""
INSTANTS: Final = (BEFORE, SENT, ANSWERED)

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def call_of(method: str, path: str, query: Mapping[str, str]) -> str:
    """Name a call as Kubernetes does: its verb, its resource and its subresource."""
    parts = path.strip("/").split("/")
    parts = parts[3:] if parts[:1] == ["apis"] else parts[2:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    resource, named = "/".join([*parts[:1], *parts[2:]]), len(parts) > 1
    verb = _VERBS.get(method) or ("get" if named else "watch" if "watch" in query else "list")
    return f"{verb} {resource or 'discovery'}"


@dataclass(frozen=True)
class Chosen:
    """The instant of one call."""

    call: str
    instant: str
    number: int
    """Which of the calls of this kind."""


@dataclass(frozen=True)
class Lifetime:
    """When a life ends: at the first of the chosen instants, or when its time is up."""

    chosen: tuple[Chosen, ...] = ()
    grace_seconds: float = 0
    """Before that no call counts."""
    flight_seconds: float = 0
    """How long after it was sent a request is on its way."""
    seconds: float | None = None
    """After which it ends wherever it is; None for never."""

    def to_json(self) -> str:
        """Write it on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Lifetime":
        """Read it."""
        given = json.loads(text)
        return cls(**given | {"chosen": tuple(Chosen(**one) for one in given["chosen"])})
