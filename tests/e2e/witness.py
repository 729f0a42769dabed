"""Reads along in the cluster while tests run, and remembers where it saw a word that must not be seen.

Every version of every conversion, Job, pod, Event and ConfigMap comes by watches, and the log of every container of a
converter or of the operator is followed from its start. Nothing is kept but what was found.
"""

import base64
import json
import re
import socket
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from kubernetes import client
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from tests.e2e.operator_http import SYSTEM
from tflite_api import names
from tflite_operator.core.labels import CONVERSION_LABEL

CANARY: Final = re.compile(r"(?i:canary-[0-9a-f]{16})|Y2FuYXJ5L[A-Za-z0-9+/]{16}")
"""What the secrets of the throw-away storage look like, and those that tests draw themselves; as text and in base64."""
_WATCH_SECONDS: Final = 300
_RETRY_SECONDS: Final = 0.5
_END_SECONDS: Final = 5.0
_QUIET_SECONDS: Final = 1.0
_SHOWN: Final = 60

Source = Callable[..., HTTPResponse]


def patterns(values: Iterable[str]) -> list[re.Pattern[str]]:
    """Return what to look for: each value as it is and in base64, and every canary."""
    plain = [value for value in values if value]
    coded = [base64.b64encode(value.encode()).decode().rstrip("=") for value in plain]
    return [*(re.compile(re.escape(value)) for value in [*plain, *coded]), CANARY]


class Witness:
    """Looks for words in all that the cluster shows, from `start` on."""

    def __init__(self, api: client.ApiClient, words: list[re.Pattern[str]]) -> None:
        """Take the API and what to look for."""
        self._api, self._words = api, words
        self._core = client.CoreV1Api(api)
        self._followed: set[tuple[str, str, int]] = set()
        self._last = time.monotonic()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._answers: list[HTTPResponse] = []
        self.found: dict[str, str] = {}
        """Where something was seen, with the words around it."""
        self.seen: Counter[str] = Counter()
        """How many objects and lines of logs were read, by kind."""
        self.problem = ""
        """Why something could not be read for a while."""
        self.broken = ""
        """Why something is read no longer."""

    def start(self) -> None:
        """Begin to read; what is there already is read as well."""
        custom, batch = client.CustomObjectsApi(self._api), client.BatchV1Api(self._api)

        def conversions(**options: Any) -> HTTPResponse:
            answer: HTTPResponse = custom.list_cluster_custom_object(
                names.GROUP, names.VERSION, names.PLURAL, **options
            )
            return answer

        sources: dict[str, Source] = {
            "conversions": conversions,
            "jobs": batch.list_job_for_all_namespaces,
            "pods": self._core.list_pod_for_all_namespaces,
            "events": self._core.list_event_for_all_namespaces,
            "configmaps": self._core.list_config_map_for_all_namespaces,
        }
        for kind, source in sources.items():
            self._run(self._watch, kind, source)

    def stop(self, longest: float = 20) -> None:
        """Return when nothing new has come for a moment."""
        end = time.monotonic() + longest
        while time.monotonic() < min(self._last + _QUIET_SECONDS, end):
            time.sleep(0.1)
        self._stopped.set()
        # A thread that still reads when the interpreter ends may take the process down with SIGABRT (seen once).
        for answer in [*self._answers]:
            with suppress(OSError):
                if answer.connection is not None and answer.connection.sock is not None:
                    answer.connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in [*self._threads]:
            thread.join(_END_SECONDS)

    def _run(self, work: Callable[..., None], *arguments: Any) -> None:
        def guarded() -> None:
            try:
                work(*arguments)
            except Exception:
                # A thread ends quietly, and what does not look sees nothing.
                self.broken = traceback.format_exc()
                raise

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self, kind: str, source: Source) -> None:
        while not self._stopped.is_set():
            try:
                answer = source(watch=True, timeout_seconds=_WATCH_SECONDS, _preload_content=False)
                self._answers.append(answer)
                for line in _lines(answer):
                    self._object(kind, line)
            except (client.ApiException, HTTPError) as error:
                # The resource may not be there yet, and the API server may be stopped by a test.
                self.problem = f"{kind}: {type(error).__name__} {error}"
            self._stopped.wait(_RETRY_SECONDS)

    def _object(self, kind: str, line: str) -> None:
        try:
            shown = json.loads(line).get("object", {})
        except json.JSONDecodeError:
            # The API server went in the middle of a line: what it held comes again with the next watch.
            self._look(kind, f"a part of {kind}", line)
            return
        metadata = shown.get("metadata", {})
        self._look(kind, f"{kind} {metadata.get('namespace')}/{metadata.get('name')}", line)
        ours = CONVERSION_LABEL in metadata.get("labels", {}) or metadata.get("namespace") == SYSTEM
        if kind == "pods" and ours:
            self._follow(shown)

    def _follow(self, pod: dict[str, Any]) -> None:
        status, metadata = pod.get("status", {}), pod["metadata"]
        for one in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
            key = (metadata["uid"], one["name"], one.get("restartCount", 0))
            if "waiting" in one.get("state", {}) or not one.get("state") or key in self._followed:
                continue
            self._followed.add(key)
            where = (metadata["name"], metadata["namespace"], one["name"])
            self._run(self._read_log, *where)

    def _read_log(self, pod: str, namespace: str, container: str) -> None:
        try:
            answer = self._core.read_namespaced_pod_log(
                pod, namespace, container=container, follow=True, _preload_content=False
            )
            self._answers.append(answer)
            for line in _lines(answer):
                self._look("log lines", f"log of {namespace}/{pod} {container}", line)
        except (client.ApiException, HTTPError) as error:
            # A test may have deleted the pod before its log could be asked for.
            self.seen["logs that were gone"] += 1
            self.problem = f"log of {namespace}/{pod} {container}: {error}"

    def _look(self, kind: str, where: str, text: str) -> None:
        self._last = time.monotonic()
        self.seen[kind] += 1
        for word in self._words:
            match = word.search(text)
            if match:
                self.found[where] = text[max(match.start() - _SHOWN, 0) : match.start()] + "<here>"


def _lines(answer: HTTPResponse) -> Iterator[str]:
    rest = b""
    for chunk in answer.stream(decode_content=True):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole if line)
    if rest:
        yield rest.decode(errors="replace")
