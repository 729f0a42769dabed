"""Every YAML file of examples/ and every block of YAML in docs/ is taken by the API server: a strict dry run.

The resources of Argo CD, Flux, the Prometheus Operator and Kueue are there for these tests as their projects publish
them, so the API server itself validates what we show of them; their controllers and webhooks do not run here.
A part of an object is put where it belongs first. What no API server knows is asked of the tool that does, or it is
said here that it is only read.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.host.checkout import Checkout
from dev.testing import foreign_resources
from dev.testing.definitions import wait_until_served
from dev.testing.kubectl import Kubectl
from tests import manifests
from tests.e2e.conftest import kubectl
from tests.e2e.fixtures.environment import Environment
from tests.manifests import ROOT, Object, Shown, shown
from tflite_api import names
from tflite_api.resource.spec import ConversionSpec

# Their resources are there once for all.
pytestmark = pytest.mark.xdist_group("foreign resources")

KUSTOMIZE = "kustomize.config.k8s.io/v1beta1"
WORKFLOW = "examples/gitops/pull-request.yaml"
"""GitHub's."""
SPEC_FIELDS = {field.alias or name for name, field in ConversionSpec.model_fields.items()}


@pytest.fixture(scope="module")
def foreign(env: Environment, crd: None) -> Iterator[None]:
    definitions = foreign_resources.definitions(Checkout.here())
    there = set(kubectl(env, "get", "crd", "-o", "name").split())
    ours = [one for one in definitions if f"customresourcedefinition.apiextensions.k8s.io/{_name(one)}" not in there]
    # Server-side: some are too large for the annotation of a client-side apply.
    given(env, ours, "apply", "--server-side", "--force-conflicts")
    wait_until_served(Kubectl(tuple(env.kubectl)), map(_name, ours))
    yield
    given(env, ours, "delete", "--ignore-not-found")


def _name(definition: Object) -> str:
    name: str = definition["metadata"]["name"]
    return name


def given(env: Environment, objects: list[Object], *arguments: str) -> None:
    if not objects:
        return
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    argv = [*env.kubectl, *arguments, "-f", "-"]
    done = subprocess.run(argv, input=listed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\n{yaml.safe_dump_all(objects)}"


def whole(part: Object) -> Object | None:
    """Put a part of an object where it belongs; None where nothing is known that it could be a part of."""
    keys = set(part)
    if keys <= {"metadata", "spec"}:
        return conversion(part.get("spec", {}), part.get("metadata", {}))
    if keys <= SPEC_FIELDS:
        return conversion(part, {})
    if keys == {"calibration"}:
        return conversion({"quantization": {"type": "Int8", **part}}, {})
    if keys == {"rules"}:
        return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "part"}, **part}
    return None


def conversion(spec: Object, metadata: Object) -> Object:
    """Return a conversion with this in it, and the least that it needs besides."""
    s3 = {"bucket": "models", "key": "part.tflite"} | spec.get("destination", {}).get("s3", {})
    if "serviceAccountName" not in spec:
        s3 = {"secretRef": {"name": "s3-credentials"}} | s3
    model = spec.get("model", {})
    if not set(model) - {"tags", "sha256"}:
        model = {"handle": "https://tfhub.dev/google/model/1"} | model
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": "part"} | metadata,
        "spec": spec | {"model": model, "destination": {"s3": s3}},
    }


@pytest.mark.parametrize("one", shown(), ids=lambda one: one.place)
def test_what_users_are_shown_is_taken(one: Shown, env: Environment, foreign: None, namespace: str) -> None:
    kustomize = one.content.get("apiVersion") == KUSTOMIZE or set(one.content) == {"patches"}
    if kustomize or one.place == WORKFLOW or one.is_values:
        pytest.skip("not the API server's: kustomize, actionlint or Helm reads it in another test")
    made = one.content if one.is_whole else whole(one.content)
    assert made is not None, f"say in whole() what this is a part of: {one.content}"
    if "namespace" in made["metadata"]:
        made["metadata"] = made["metadata"] | {"namespace": namespace}
    given(env, [made], "apply", "--namespace", namespace, "--server-side", "--dry-run=server", "--validate=strict")


@pytest.mark.parametrize(
    "folder", ["overlays/cluster-wide", "overlays/namespaced", "overlays/ha", "monitoring", "network_policies/operator"]
)
def test_every_kustomization_is_taken(
    folder: str, env: Environment, foreign: None, operator: None, namespace: str
) -> None:
    """The operator is installed, so its namespace is there; `team` of the namespaced overlay is the test's own."""
    made = kubectl(env, "kustomize", str(ROOT / "deploy" / folder))
    objects = list(yaml.safe_load_all(made))
    for one in objects:
        if one["metadata"].get("namespace") == "team":
            one["metadata"]["namespace"] = namespace
    given(env, objects, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")


def test_the_page_s_kustomization_installs_what_it_names(tmp_path: Path, env: Environment) -> None:
    [example] = [
        one.content
        for one in shown()
        if one.place.startswith("docs/installing.md") and one.content.get("apiVersion") == KUSTOMIZE
    ]
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tflite-operator").symlink_to(ROOT, target_is_directory=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(example))
    made = list(yaml.safe_load_all(kubectl(env, "kustomize", str(folder))))
    [deployment] = [one for one in made if one["kind"] == "Deployment"]
    [settings] = [one for one in made if one["kind"] == "ConfigMap"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/tflite-operator:0.1.0"
    assert settings["data"]["CONVERTER_IMAGE"] == "registry.example.com/tflite-converter:0.1.0"
    assert container["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]


def test_examples_are_found() -> None:
    assert len(manifests.example_conversions()) >= 5
