"""The operator, or its peer, as a process of its own, and what the kernel and the API server say of it."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from bench.scale.control_plane import ControlPlane, cpu_seconds
from bench.scale.stages import job
from dev.daemons.node import wait_until
from dev.host.commands import tail
from dev.host.errors import DevError

_PORT: Final = 8080
_WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_SAMPLE_SECONDS: Final = 0.1
_REST_SECONDS: Final = 3.0
_IDLE_SHARE: Final = 0.1


@dataclass(frozen=True)
class Program:
    """What is run: the operator or its peer."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """A request that the operator made, as the API server wrote it down."""

    kind: str
    """Verb, resource and subresource."""
    moment: float
    """When it came in, in seconds since the epoch."""
    is_write: bool


@dataclass
class OperatorProcess:
    """One run of the operator."""

    plane: ControlPlane
    program: Program
    started: float = 0.0
    """By the monotonic clock."""
    _process: subprocess.Popen[bytes] | None = None
    _read: int = 0
    _requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start it; return at once."""
        environment = {
            **self.program.environment,
            "KUBECONFIG": str(self.plane.operators_kubeconfig),
            "CONVERTER_IMAGE": "bench/converter:1",
            "HTTP_PORT": str(_PORT),
            "PEER_JOB": str(self.plane.folder / "job.json"),
        }
        (self.plane.folder / "job.json").write_text(json.dumps(job()))
        self._read = self.plane.audit_log.stat().st_size if self.plane.audit_log.exists() else 0
        self.started = time.monotonic()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.program.command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End it as Kubernetes would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.plane.folder / "log" / "operator.log"

    @property
    def pid(self) -> int:
        """Its process."""
        if self._process is None:
            raise DevError("the operator was not started")
        return self._process.pid

    def check(self) -> None:
        """Make sure that it and the control plane still run.

        Raises:
            DevError: one of them does not.
        """
        self.plane.check()
        if self._process is None or self._process.poll() is not None:
            raise DevError(f"the operator has ended. The end of {self.log}:\n{tail(self.log)}")

    def until_ready(self) -> None:
        """Wait until it says that it watches."""
        wait_until("operator ready", self.is_ready, self.log)

    def is_ready(self) -> bool:
        """Return whether the operator answers that it watches."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def cpu_seconds(self) -> float:
        """CPU time since its start."""
        return cpu_seconds(self.pid)

    def resident_mebibytes(self, peak: bool = False) -> float:
        """Memory that it has in RAM now, or at most had."""
        wanted = "VmHWM:" if peak else "VmRSS:"
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(wanted))

    def until_at_rest(self, seconds: float = 300) -> float:
        """Wait until it does next to nothing; give the moment from which on that was so, by the monotonic clock."""
        deadline = time.monotonic() + seconds
        busy_until, before = time.monotonic(), self.cpu_seconds()
        while time.monotonic() - busy_until < _REST_SECONDS:
            self.check()
            if time.monotonic() > deadline:
                raise DevError(f"the operator is not at rest after {seconds:.0f} s")
            time.sleep(_SAMPLE_SECONDS)
            now = self.cpu_seconds()
            if now - before > _IDLE_SHARE * _SAMPLE_SECONDS:
                busy_until = time.monotonic()
            before = now
        return busy_until

    def requests(self, settle_seconds: float = 2.5) -> list[Request]:
        """Return the operator's requests since the last call; the API server logs them in batches of a second."""
        time.sleep(settle_seconds)
        if not self.plane.audit_log.exists():
            return []
        with self.plane.audit_log.open("rb") as log:
            log.seek(self._read)
            content = log.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return list(parse_audit_log(whole.splitlines()))

    def requests_until_quiet(self, seconds: float) -> list[Request]:
        """Wait until it writes nothing more; give its requests since the last question."""
        deadline, asked = time.monotonic() + seconds, self.requests()
        latest = asked
        while writes(latest):
            self.check()
            if time.monotonic() > deadline:
                raise DevError(f"the operator still writes after {seconds:.0f} s")
            latest = self.requests()
            asked += latest
        return asked


def by_kind(requests: list[Request]) -> Counter[str]:
    """Count requests by their kind."""
    return Counter(request.kind for request in requests)


def writes(requests: list[Request]) -> int:
    """Count requests that change something."""
    return sum(request.is_write for request in requests)


def status_writes(requests: list[Request]) -> int:
    """Count patches of conversions' statuses."""
    return by_kind(requests)["patch tfliteconversions/status"]


def parse_audit_log(lines: Iterable[bytes]) -> Iterator[Request]:
    """Yield the requests of an audit log, one event a line."""
    for line in lines:
        event = json.loads(line)
        reference = event.get("objectRef", {})
        resource = "/".join(filter(None, (reference.get("resource", "other"), reference.get("subresource"))))
        # A watch is written down twice: when it starts and when it ends.
        if event["stage"] == "ResponseComplete" and event["verb"] == "watch":
            continue
        moment = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
        yield Request(f"{event['verb']} {resource}", moment, event["verb"] in _WRITES)
