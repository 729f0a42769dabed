"""Where a chaos run is played: a namespace, a bucket, models, and what is known of each conversion."""

import copy
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from kubernetes import client, watch
from urllib3.exceptions import HTTPError

from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, condition, is_finished
from tests.e2e.fixtures.environment import Environment
from tflite_api import names
from tflite_api.reasons import Reason
from tflite_operator.core.labels import CONVERSION_LABEL

QUICK: Final = 0.2
SLOW: Final = 3.0
"""Seconds that a conversion takes: the slow ones give time to interfere."""
_WAIT_SECONDS: Final = 300
_SMALL: Final = {"requests": {"cpu": "50m", "memory": "64Mi"}}
SECRET: Final = "s3-credentials"
MOST_JOBS: Final = 300
"""Several times what all cases need at once; the API server refuses more."""

Predicate = Callable[[Object], bool]


class Fixture:
    """Makes and changes conversions as their users do, and watches what becomes of them."""

    def __init__(self, env: Environment, api: client.ApiClient, namespace: str, bucket: str) -> None:
        self.env, self.namespace, self.bucket = env, namespace, bucket
        self.latest: dict[str, Object] = {}
        """The last that was seen of each conversion, gone ones included."""
        self.gone: set[str] = set()
        self.flood = ""
        """What the API server said when there were MOST_JOBS: no story can be told to its end any more."""
        self._batch, self._core, self._custom = (
            client.BatchV1Api(api),
            client.CoreV1Api(api),
            client.CustomObjectsApi(api),
        )
        self._where = {"group": names.GROUP, "version": names.VERSION, "namespace": namespace, "plural": names.PLURAL}
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def model(self, seconds: float, name: str = "") -> str:
        """Serve a model whose conversion takes so long; give its handle."""
        path = self._path(name or f"{seconds:g}")
        models.serve_file(self.env, f"{path}/saved_model.pb", model_bytes(seconds))
        return models.handle(self.env, path)

    def take_away(self, name: str, *, away: bool) -> None:
        """Have a model's server be out of reach, or back."""
        path = self._path(name)
        if away:
            host = self.env.hub_url.rpartition(":")[0]
            models.serve_redirect(self.env, path, f"{host}:9/")
        else:
            (self.env.hub_dir / f"{path}.location").unlink()

    def create(self, name: str, handle: str, key: str, **spec: Any) -> Object:
        """Create a conversion."""
        s3 = {"bucket": self.bucket, "key": key, "endpoint": self.env.s3_endpoint, "secretRef": {"name": SECRET}}
        wanted: Object = {
            "model": {"handle": handle},
            "destination": {"s3": s3},
            "verification": {"minSNRDecibels": 0},
            "resources": _SMALL,
        } | copy.deepcopy(spec)
        body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": wanted}
        made: Object = self._custom.create_namespaced_custom_object(body=body, **self._where)
        return made

    def change(self, name: str, spec: Object) -> Object:
        """Patch a conversion's spec."""
        return self._patch(name, {"spec": spec})

    def annotate(self, name: str, notes: Mapping[str, str]) -> None:
        """Add annotations to a conversion."""
        self._patch(name, {"metadata": {"annotations": notes}})

    def delete(self, name: str) -> None:
        """Delete a conversion, and wait until it is gone."""
        self._custom.delete_namespaced_custom_object(name=name, propagation_policy="Background", **self._where)
        self._until(lambda: name in self.gone, name)

    def delete_job(self, name: str) -> None:
        """Delete a Job behind the operator's back."""
        _unless_gone(self._batch.delete_namespaced_job, name, self.namespace, propagation_policy="Background")

    def delete_pods(self, conversion_uid: str) -> None:
        """Delete a conversion's pods behind everybody's back."""
        label = f"{CONVERSION_LABEL}={conversion_uid}"
        for pod in self._core.list_namespaced_pod(self.namespace, label_selector=label).items:
            _unless_gone(self._core.delete_namespaced_pod, pod.metadata.name, self.namespace)

    def wait(self, name: str, predicate: Predicate) -> Object:
        """Wait until a conversion fits."""
        self._until(lambda: name in self.latest and predicate(self.latest[name]), name)
        return self.latest[name]

    def finish(self, name: str, generation: int = 1) -> Object:
        """Wait until a conversion is Ready or Stalled, at least of this generation."""
        return self.wait(name, lambda seen: seen["metadata"]["generation"] >= generation and is_finished(seen))

    def under_way(self, name: str, reasons: tuple[str, ...]) -> Object:
        """Wait until a conversion has got to one of these reasons, or further."""
        return self.wait(name, lambda seen: condition(seen, "Ready").get("reason") in reasons or is_finished(seen))

    def jobs(self) -> list[Object]:
        """List the Jobs that are there."""
        return self._list(self._batch.list_namespaced_job)

    def pods(self) -> list[Object]:
        """List the pods that are there."""
        return self._list(self._core.list_namespaced_pod)

    def conversions(self) -> list[Object]:
        """List the conversions that are there."""
        found: list[Object] = self._custom.list_namespaced_custom_object(**self._where)["items"]
        return found

    def stop(self) -> None:
        """Stop watching."""
        self._over.set()

    def _patch(self, name: str, body: Object) -> Object:
        patched: Object = self._custom.patch_namespaced_custom_object(name=name, body=body, **self._where)
        return patched

    def _list(self, ask: Callable[..., Any]) -> list[Object]:
        items: list[Object] = json.loads(ask(self.namespace, _preload_content=False).data)["items"]
        return items

    def _path(self, name: str) -> str:
        return f"chaos/{self.namespace}/{name}/1"

    def _until(self, fact: Callable[[], bool], name: str) -> None:
        end = time.monotonic() + _WAIT_SECONDS
        with self._changed:
            while not fact():
                assert not self.flood, f"the operator makes Jobs without end: {self.flood}"
                last = self.latest.get(name, {}).get("status")
                assert self._changed.wait(end - time.monotonic()), f"after {_WAIT_SECONDS} s {name} still has {last}"

    def _watch(self) -> None:
        while not self._over.is_set():
            stream = watch.Watch().stream(self._custom.list_namespaced_custom_object, timeout_seconds=60, **self._where)
            try:
                for event in stream:
                    self._take(event["type"], event["object"])
            except (client.ApiException, HTTPError):
                # An old resource version, or the server's own time-out: the next watch begins with what is there.
                continue

    def _take(self, kind: str, seen: Mapping[str, Any]) -> None:
        name = seen["metadata"]["name"]
        ready = condition(dict(seen), "Ready")
        with self._changed:
            if ready.get("reason") == Reason.JOB_REFUSED and "exceeded quota" in ready["message"]:
                self.flood = ready["message"]
            self.latest[name] = dict(seen)
            if kind == "DELETED":
                self.gone.add(name)
            self._changed.notify_all()


def model_bytes(seconds: float) -> bytes:
    """Return the model whose conversion takes so long."""
    return json.dumps({"seconds": seconds}).encode()


def _unless_gone(delete: Callable[..., object], *given: object, **named: object) -> None:
    try:
        delete(*given, **named)
    except client.ApiException as error:
        if error.status != 404:
            raise
