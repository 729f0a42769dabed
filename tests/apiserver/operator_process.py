"""The operator as a process of its own.

What the kubelet does for it happens here as well: it is asked whether it is ready, and started again where it ended.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from dev.host.commands import TIED
from tests.apiserver.control_plane import HOST, free_port
from tests.apiserver.waiting import PATIENCE_SECONDS, until

_INHERITED: Final = ("PATH", "PYTHONPATH")
_END_SECONDS: Final = 30.0
_MOST_STARTS: Final = 5
_BASE: Final = {"CONVERTER_IMAGE": "example.com/converter:1", "RETRY_BASE_SECONDS": "1", "RETRY_MAX_SECONDS": "2"}


@dataclass(frozen=True)
class Probe:
    """An answer of /readyz."""

    moment: float
    """By the monotonic clock, when it was asked."""
    ready: bool
    told: str


@dataclass
class OperatorProcess:
    """Started with the block, ended with it."""

    folder: Path
    kubeconfig: str
    settings: Mapping[str, str]
    exit_codes: list[int] = field(default_factory=list)
    """Of each process that ended by itself and was started again."""
    probes: list[Probe] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start it; return at once."""
        self.folder.mkdir(parents=True)
        credentials = self.folder / "kubeconfig"
        credentials.touch(mode=0o600)
        credentials.write_text(self.kubeconfig)
        self._http = httpx.Client(base_url=f"http://{HOST}:{(port := free_port())}", trust_env=False, timeout=5)
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        fixed = {"KUBECONFIG": str(credentials), "HTTP_PORT": str(port)}
        self._environment = inherited | _BASE | fixed | dict(self.settings)
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and print its log: pytest shows that where the test failed."""
        self._http.close()
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        print(f"exit codes: {[*self.exit_codes, self._process.returncode]}\n{self.log.read_text()}")

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._process.pid

    @property
    def log(self) -> Path:
        """Its output, that of every process."""
        return self.folder / "log"

    @property
    def said(self) -> list[dict[str, Any]]:
        """The lines of the log that are JSON objects."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """The warnings and errors of the log, but for the one that holds here: no admission policy is installed."""
        bad = (line for line in self.said if line["level"] in {"warning", "error"})
        return [line for line in bad if not line["message"].startswith("admission policies are not in force")]

    @property
    def is_ready(self) -> bool:
        """Return whether the operator answers that it watches; each answer is recorded."""
        asked = time.monotonic()
        try:
            answer = self._http.get("/readyz")
            probe = Probe(asked, answer.status_code == 200, answer.text)
        except httpx.TransportError as error:
            probe = Probe(asked, ready=False, told=type(error).__name__)
        self.probes.append(probe)
        return probe.ready

    def until_ready(self) -> float:
        """Wait until it says that it watches; return the seconds that it took."""
        return self.until("the operator is ready", lambda: self.is_ready)

    def until(self, what: str, holds: Callable[[], bool], within: float = PATIENCE_SECONDS) -> float:
        """Wait until a condition holds, asking all the time whether it is ready, and starting it again where it ended.

        Returns:
            The seconds that it took.
        """

        def look() -> bool:
            self._revive()
            _ = self.is_ready
            return holds()

        return until(what, look, within)

    def was_ready(self, since: float, before: float = float("inf")) -> list[Probe]:
        """Return the questions between two moments to which it answered that it is ready."""
        return [probe for probe in self.probes if probe.ready and since <= probe.moment < before]

    def metric(self, sample: str, **labels: str) -> float:
        """Return the sum of a metric's samples with these labels; no number while nobody answers."""
        try:
            families = text_string_to_metric_families(self._http.get("/metrics").text)
        except httpx.TransportError:
            return math.nan
        found = (one for family in families for one in family.samples if one.name == sample)
        return sum(one.value for one in found if labels.items() <= one.labels.items())

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, within: float = _END_SECONDS) -> int:
        """Wait until it ends; return its exit code."""
        return self._process.wait(within)

    def _revive(self) -> None:
        code = self._process.poll()
        if code is not None:
            self.exit_codes.append(code)
            assert len(self.exit_codes) < _MOST_STARTS, "it ends again and again"
            self._start()

    def _start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*TIED, sys.executable, "-m", "tflite_operator.main"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
