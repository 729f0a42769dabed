"""Applies conversions, waits for what they become, and explains them when that does not happen."""

import copy
import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

from kubernetes import client, watch

from tests.e2e.environment import Environment
from tflite_api import names

Object = dict[str, Any]
Predicate = Callable[[Object], bool]

OPERATOR_PODS = ("--selector", "app.kubernetes.io/name=tflite-operator")
"""Of its replicas any may have done what is looked for."""


def condition(conversion: Object, kind: str) -> Object:
    """Return a condition, or an empty object."""
    found: list[Object] = conversion.get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == kind), {})


def holds(kind: str, status: str = "True") -> Predicate:
    """Return a predicate: the condition has this status for the present generation."""

    def check(conversion: Object) -> bool:
        current = conversion.get("status", {}).get("observedGeneration") == conversion["metadata"]["generation"]
        return current and condition(conversion, kind).get("status") == status

    return check


def is_finished(conversion: Object) -> bool:
    """Return whether the conversion is Ready or Stalled for its present generation."""
    return holds("Ready")(conversion) or holds("Stalled")(conversion)


class Workbench:
    """Conversions in one namespace, with artifacts in one bucket."""

    def __init__(self, env: Environment, api: client.ApiClient, namespace: str, bucket: str, secret: str) -> None:
        self.env, self.api, self.namespace, self.bucket, self.secret = env, api, namespace, bucket, secret
        self._custom = client.CustomObjectsApi(api)
        self._where = {"group": names.GROUP, "version": names.VERSION, "namespace": namespace, "plural": names.PLURAL}

    def conversion(self, name: str, handle: str, **spec: Any) -> Object:
        """Return a conversion of the model at `handle` into this bench's bucket."""
        destination = {
            "bucket": self.bucket,
            "key": f"{name}.tflite",
            "endpoint": self.env.s3_endpoint,
            "secretRef": {"name": self.secret},
        }
        wanted = {"model": {"handle": handle}, "destination": {"s3": destination}} | copy.deepcopy(spec)
        return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": wanted}

    def create(self, conversion: Object) -> Object:
        created: Object = self._custom.create_namespaced_custom_object(body=conversion, **self._where)
        return created

    def get(self, name: str) -> Object:
        found: Object = self._custom.get_namespaced_custom_object(name=name, **self._where)
        return found

    def patch(self, name: str, body: Object) -> Object:
        patched: Object = self._custom.patch_namespaced_custom_object(name=name, body=body, **self._where)
        return patched

    def delete(self, name: str, propagation: str = "Foreground") -> None:
        """Delete a conversion and wait until it is gone, in the foreground with all it owned."""
        self._custom.delete_namespaced_custom_object(name=name, propagation_policy=propagation, **self._where)
        self.until(lambda: not self._exists(name), f"{name} is gone")

    def _exists(self, name: str) -> bool:
        try:
            self.get(name)
        except client.ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def wait(self, name: str, predicate: Predicate, timeout: float = 180) -> Object:
        """Wait until the conversion fits, by a watch.

        Raises:
            AssertionError: it did not within `timeout` seconds; the message shows what it was last.
        """
        seen = self.history(name, predicate, timeout)
        assert seen, f"{name} was never seen"
        assert predicate(seen[-1]), f"{name} did not become as expected: {json.dumps(seen[-1], indent=1)}"
        return seen[-1]

    def history(self, name: str, until: Predicate, timeout: float = 180) -> list[Object]:
        """Return every version of the conversion that a watch shows, up to the first that fits or the timeout (s)."""
        seen: list[Object] = []
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            stream = watch.Watch().stream(
                self._custom.list_namespaced_custom_object,
                field_selector=f"metadata.name={name}",
                timeout_seconds=max(1, int(left)),
                **self._where,
            )
            for event in stream:
                seen.append(event["object"])
                if until(event["object"]):
                    return seen
        return seen

    def run(self, conversion: Object, timeout: float = 180) -> Object:
        """Apply a conversion and wait until it is Ready or Stalled."""
        self.create(conversion)
        return self.wait(conversion["metadata"]["name"], is_finished, timeout)

    def until(self, fact: Callable[[], bool], words: str, timeout: float = 60) -> None:
        """Wait until a fact holds.

        Raises:
            AssertionError: it did not within `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while not fact():
            assert time.monotonic() < end, f"not so after {timeout} s: {words}"
            time.sleep(0.1)

    def apply(self, manifest: Object) -> None:
        """Apply any object, in this namespace where it names no other."""
        where = manifest["metadata"].get("namespace", self.namespace)
        self.kubectl("apply", "--namespace", where, "-f", "-", given=json.dumps(manifest))

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """Run kubectl in this namespace; give what it prints."""
        where = () if "--namespace" in arguments else ("--namespace", self.namespace)
        command = [*self.env.kubectl, *where, *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def logs(self) -> str:
        """Return the logs of every container of this namespace that has started."""
        core = client.CoreV1Api(self.api)
        parts = []
        for pod in core.list_namespaced_pod(self.namespace).items:
            for container in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]:
                if container.state.waiting is None:
                    log = core.read_namespaced_pod_log(pod.metadata.name, self.namespace, container=container.name)
                    parts.append(f"--- {pod.metadata.name} {container.name}\n{log}")
        return "\n".join(parts)

    def explain(self) -> str:
        """Return what a person needs to see why a test failed: conversions, events, pods and their logs."""
        shown = [
            ("describe", "tflc"),
            ("get", "jobs,pods", "-o", "wide"),
            ("get", "events", "--sort-by=.lastTimestamp"),
        ]
        parts = [self._show("--namespace", self.namespace, *arguments) for arguments in shown]
        parts.append(self.logs())
        parts.append(
            self._show("--namespace", "tflite-operator-system", "logs", *OPERATOR_PODS, "--prefix", "--tail=40")
        )
        return "\n".join(parts)

    def _show(self, *arguments: str) -> str:
        done = subprocess.run([*self.env.kubectl, *arguments], capture_output=True, text=True, check=False)
        return f"$ kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
