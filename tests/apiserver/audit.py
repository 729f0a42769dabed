"""What the operator asked of the API server, as the API server wrote it down."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

_READS: Final = frozenset({"get", "list", "watch"})


@dataclass(frozen=True)
class Request:
    """A request of the operator's, and how it was answered."""

    verb: str
    resource: str
    """With its subresource."""
    name: str
    namespace: str
    code: int
    """0 of a watch that begins."""
    limit: int
    """How many objects of a list were asked for at most; 0 for no limit."""

    @property
    def is_write(self) -> bool:
        """Return whether the request changes something."""
        return self.verb not in _READS

    @property
    def kind(self) -> str:
        """Verb and resource."""
        return f"{self.verb} {self.resource}"


class AuditLog:
    """The log from the moment on at which this was made."""

    def __init__(self, path: Path) -> None:
        """Take the API server's log."""
        self._path = path
        self._begin = path.stat().st_size if path.exists() else 0

    def requests(self, chosen: Callable[[Request], bool] = lambda _: True) -> list[Request]:
        """Return the chosen requests so far; a watch counts when it begins."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as log:
            log.seek(self._begin)
            content = log.read()
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        return [request for line in lines if (request := _read(line)) is not None and chosen(request)]


def _read(line: bytes) -> Request | None:
    event = json.loads(line)
    begins = event["stage"] == "ResponseStarted"
    if begins != (event["verb"] == "watch" and event["responseStatus"]["code"] == 200):
        return None
    target = event.get("objectRef", {})
    asked = parse_qs(urlsplit(event["requestURI"]).query)
    return Request(
        verb=event["verb"],
        resource="/".join(filter(None, (target.get("resource", ""), target.get("subresource")))),
        name=target.get("name", ""),
        namespace=target.get("namespace", ""),
        code=0 if begins else event["responseStatus"]["code"],
        limit=int(asked.get("limit", ["0"])[0]),
    )
