"""What Argo CD would show as OutOfSync: nothing, of the operator and of every example, whatever the operator writes.

Argo CD does not run here. Its library compares what the API server has with what Git has, as Argo CD does.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from dev.testing.installation import ROOT
from dev.testing.kubectl import Kubectl
from tests.e2e.fixtures.conversions import Workbench, condition, holds, is_finished
from tests.gitops import argodiff
from tests.gitops.argodiff import MANAGER, Pair
from tests.manifests import example_conversions
from tflite_api.names import FINALIZER, REQUESTED_AT_ANNOTATION

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("operator"), pytest.mark.timeout(1200)]

Object = dict[str, Any]

NO_JOBS = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
CLIENT_SIDE = ()
SERVER_SIDE = ("--server-side", "--force-conflicts")
EXAMPLES = example_conversions()


class Application:
    """What an application of Argo CD does: it applies what is in Git, and compares. Each object names its namespace."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self._kubectl = Kubectl(tuple(bench.env.kubectl))
        self._schema = folder / "openapi.json"
        self._schema.write_text(self._kubectl("get", "--raw", "/openapi/v2"))

    def sync(self, desired: Object, how: tuple[str, ...]) -> None:
        self._apply(desired, *how)

    def differences(self, *desired: Object) -> list[dict[str, list[str]]]:
        """Return of each object what would be shown, by Argo CD's ways of comparing."""
        return argodiff.differences([self._pair(one) for one in desired], self._schema)

    def _pair(self, desired: Object) -> Pair:
        shown = self._kubectl("get", "--show-managed-fields", "-o", "json", "-f", "-", given=json.dumps(desired))
        [live] = json.loads(shown)["items"]
        return Pair(desired, live, self._apply(desired, *SERVER_SIDE, "--dry-run=server"))

    def _apply(self, desired: Object, *options: str) -> Object:
        argv = ("apply", f"--field-manager={MANAGER}", "--show-managed-fields", *options, "-o", "json", "-f", "-")
        made: Object = json.loads(self._kubectl(*argv, given=json.dumps(desired)))
        return made


@pytest.fixture
def application(bench: Workbench, tmp_path: Path) -> Application:
    return Application(bench, tmp_path)


@pytest.mark.parametrize("how", [CLIENT_SIDE, SERVER_SIDE], ids=["client-side", "server-side"])
def test_no_example_is_out_of_sync(
    bench: Workbench, api: client.ApiClient, application: Application, how: tuple[str, ...]
) -> None:
    # Without a Job nothing is fetched, and the operator soon has nothing more to say.
    client.CoreV1Api(api).create_namespaced_resource_quota(bench.namespace, NO_JOBS)
    desired = [argodiff.tracked(yaml.safe_load(file.read_text()), bench.namespace) for file in EXAMPLES]
    assert len(desired) >= 10
    for one in desired:
        application.sync(one, how)
    for one in desired:
        bench.wait(one["metadata"]["name"], lambda seen: condition(seen, "Reconciling") != {})
    assert application.differences(*desired) == [{}] * len(desired)


@pytest.mark.parametrize("how", [CLIENT_SIDE, SERVER_SIDE], ids=["client-side", "server-side"])
def test_what_the_operator_and_its_users_write_is_no_difference_and_a_changed_spec_is_one(
    bench: Workbench, application: Application, tiny_model: str, how: tuple[str, ...]
) -> None:
    desired = argodiff.tracked(bench.conversion("model", tiny_model, deletionPolicy="Delete"), bench.namespace)
    application.sync(desired, how)
    assert holds("Ready")(bench.wait("model", is_finished, 600))
    bench.patch("model", {"metadata": {"annotations": {REQUESTED_AT_ANNOTATION: "2026-01-31T12:00:00Z"}}})
    seen = bench.wait("model", lambda seen: "lastHandledRequest" in seen["status"] and is_finished(seen), 600)
    assert FINALIZER in seen["metadata"]["finalizers"]
    assert application.differences(desired) == [{}]

    changed = copy.deepcopy(desired)
    changed["spec"]["quantization"] = {"type": "Float16"}
    [shown] = application.differences(changed)
    assert set(shown) == {"client-side apply", "server-side apply", "server-side diff"}
    for places in shown.values():
        assert ".spec.quantization.type: None would become Float16" in places
    # While its bucket is there: it takes its artifact along.
    bench.delete("model")


def test_nothing_of_the_operator_is_out_of_sync(bench: Workbench, application: Application) -> None:
    # As it is installed: the overlay has this checkout's images.
    rendered = bench.kubectl("kustomize", str(ROOT / ".cache/overlay"))
    desired = [one for one in yaml.safe_load_all(rendered) if one is not None]
    assert {"Deployment", "CustomResourceDefinition", "ValidatingAdmissionPolicy"} <= {one["kind"] for one in desired}
    found = zip(desired, application.differences(*desired), strict=True)
    assert {f"{one['kind']}/{one['metadata']['name']}": shown for one, shown in found if shown} == {}
