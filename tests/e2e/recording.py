"""Records every version of a namespace's conversions by a watch, while a test does what it does."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import urllib3
from kubernetes import client

from tests import argolua, kstatus
from tests.status_rules import broken_between, broken_by, is_of_the_operator, reading
from tflite_api import names

Object = dict[str, Any]

_WATCH_SECONDS = 300
_CATCH_UP_SECONDS = 30


class Recording:
    """A watch of one namespace, from its making to `finish`."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        """Begin to watch."""
        self._custom = client.CustomObjectsApi(api)
        self._where = {"group": names.GROUP, "version": names.VERSION, "namespace": namespace, "plural": names.PLURAL}
        self._versions: list[Object] = []
        self._gaps: list[str] = []
        self._response: urllib3.HTTPResponse | None = None
        self._ending = threading.Event()
        self._version: str = self._list()["metadata"]["resourceVersion"]
        self._thread = threading.Thread(target=self._follow, name=f"recording {namespace}", daemon=True)
        self._thread.start()

    def finish(self) -> list[Object]:
        """Stop watching once all that is there was seen; give every version in its order.

        Raises:
            AssertionError: something was missed.
        """
        end = time.monotonic() + _CATCH_UP_SECONDS
        while (missing := self._missing()) and time.monotonic() < end and self._thread.is_alive():
            time.sleep(0.05)
        self._ending.set()
        while self._thread.is_alive():
            if self._response is not None:
                self._response.shutdown()
            self._thread.join(0.1)
        assert not missing, f"the watch did not show {missing}: {self._gaps}"
        assert not self._gaps, self._gaps
        return self._versions

    def _missing(self) -> set[tuple[str, str]]:
        there = {_identity(one) for one in self._list()["items"]}
        return there - {_identity(one) for one in list(self._versions)}

    def _list(self) -> Object:
        listed: Object = self._custom.list_namespaced_custom_object(**self._where)
        return listed

    def _follow(self) -> None:
        while not self._ending.is_set():
            try:
                for event in self._events():
                    if event["type"] == "ERROR":
                        self._gaps.append(event["object"]["message"])
                        return
                    self._versions.append(event["object"])
                    self._version = event["object"]["metadata"]["resourceVersion"]
            except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
                # A test may restart the API server. The next watch begins where this one ended.
                if not self._ending.wait(0.5) and isinstance(error, client.ApiException) and error.status == 410:
                    self._gaps.append(str(error))
                    return

    def _events(self) -> Iterator[Object]:
        self._response = self._custom.list_namespaced_custom_object(
            watch=True,
            resource_version=self._version,
            timeout_seconds=_WATCH_SECONDS,
            _preload_content=False,
            _request_timeout=(10, _WATCH_SECONDS + 10),
            **self._where,
        )
        try:
            for line in self._response:
                yield json.loads(line)
        finally:
            self._response.release_conn()


def check(versions: list[Object], pods: int = 1) -> None:
    """Check every version against the rules, and what kstatus and Argo CD say against a person's reading.

    A Job may have needed so many pods, one after the other.

    Raises:
        AssertionError: the message shows every version that is wrong.
    """
    wrong = [
        *broken_between(versions, pods),
        *(f"{word}\n{_shown(one)}" for one in versions for word in broken_by(one)),
    ]
    written = [one for one in versions if is_of_the_operator(one)]
    answers = zip(written, kstatus.compute(written), argolua.health(written), strict=True)
    for conversion, (status, message), (health, _) in answers:
        expected = reading(conversion)
        if status != expected:
            wrong.append(f"kstatus says {status} ({message}), not {expected}\n{_shown(conversion)}")
        healthy = _health(conversion, expected) or health
        if health != healthy:
            wrong.append(f"Argo CD says {health}, not {healthy}\n{_shown(conversion)}")
    assert not wrong, "\n".join(wrong)


def _health(conversion: Object, expected: str) -> str | None:
    """Return Argo CD's word for what kstatus says, or None where Argo CD decides before asking it."""
    request = conversion["metadata"].get("annotations", {}).get(names.REQUESTED_AT_ANNOTATION)
    is_asked = request not in (None, conversion.get("status", {}).get("lastHandledRequest"))
    if conversion["spec"].get("suspend"):
        return "Suspended"
    if expected == "Current" and is_asked:
        return "Progressing"
    return {"InProgress": "Progressing", "Current": "Healthy", "Failed": "Degraded"}.get(expected)


def _shown(conversion: Object) -> str:
    metadata = {name: value for name, value in conversion["metadata"].items() if name != "managedFields"}
    return json.dumps({"metadata": metadata, "status": conversion.get("status")}, indent=1)


def _identity(conversion: Object) -> tuple[str, str]:
    return conversion["metadata"]["uid"], conversion["metadata"]["resourceVersion"]
