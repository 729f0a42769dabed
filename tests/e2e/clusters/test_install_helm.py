"""Installing, upgrading and uninstalling with the real Helm, on a cluster that knows nothing of the project.

Runs alone: the operator that the other tests use goes, and is there again afterwards. No version has been published
yet, so the one before this is made of this one: an older number, other settings, and a resource that lacks a field.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes import client

from dev.generate.manifests import CHART
from dev.testing import installation
from tests.e2e.conftest import FAILED, SECRET, kubectl, new_namespace
from tests.e2e.fixtures.audit import jobs_made
from tests.e2e.fixtures.conversions import Object, Workbench, condition, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM
from tests.programs import installers

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("operator")]

CRD = "tfliteconversions.tflite-operator.dev"
RELEASE = "tflite-operator"
OURS = "app.kubernetes.io/name=tflite-operator"
CLUSTER_WIDE = (
    "clusterroles,clusterrolebindings,priorityclasses,validatingadmissionpolicies,validatingadmissionpolicybindings"
)
IN_NAMESPACE = "deployments,services,configmaps,serviceaccounts,roles,rolebindings,poddisruptionbudgets"
ADDED = "priorityClassName"
"""The field of the resource that the older version does not know."""


class Helm:
    """Helm on the tests' cluster, with a namespace and the tests' images."""

    def __init__(self, env: Environment, namespace: str, folder: Path) -> None:
        self._env, self.namespace = env, namespace
        self._values = folder / "values.yaml"

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        context = ["--kube-context", self._env.context] if self._env.context else []
        where = ["--kubeconfig", self._env.kubeconfig, *context, "--namespace", self.namespace]
        return installers.helm(*where, *arguments, check=check)

    def release(self, verb: str, chart: Path, *options: str, **values: Any) -> None:
        """Install or upgrade with these values and the tests' images, and wait until it is ready."""
        images = {"image": _image(self._env.operator_image), "converterImage": _image(self._env.converter_image)}
        self._values.write_text(yaml.safe_dump(images | values))
        self(verb, RELEASE, str(chart), "--values", str(self._values), "--wait", "--timeout", "180s", *options)


def _image(name: str) -> dict[str, str]:
    repository, _, tag = name.rpartition(":")
    return {"repository": repository, "tag": tag}


@pytest.fixture(scope="module")
def operator_gone(env: Environment, operator: None) -> Iterator[None]:
    """The operator of the other tests is uninstalled, and back afterwards."""
    if others := _conversions_of_others(env):
        pytest.skip(f"the cluster has conversions that are not the tests', and would lose them: {others}")
    # While the operator runs: it may have artifacts to delete.
    kubectl(env, "delete", "tflc", "--all", "--all-namespaces", "--timeout=180s")
    uninstall_with_kubectl(env)
    yield
    installation.install(env.kubectl, env.operator_image, env.converter_image)


@pytest.fixture
def bare(env: Environment, operator_gone: None) -> None:
    """The cluster as it was before anybody installed anything."""
    # With all conversions, which no release deletes. Those of these tests leave nothing to be cleaned up.
    kubectl(env, "delete", "crd", CRD, "--ignore-not-found", "--timeout=120s")


def _conversions_of_others(env: Environment) -> list[str]:
    namespaces = json.loads(kubectl(env, "get", "namespaces", "-l", "tflite-operator.dev/e2e!=true", "-o", "json"))
    names = [one["metadata"]["name"] for one in namespaces["items"]]
    listed = json.loads(kubectl(env, "get", "tflc", "--all-namespaces", "-o", "json"))["items"]
    return [one["metadata"]["name"] for one in listed if one["metadata"]["namespace"] in names]


def uninstall_with_kubectl(env: Environment) -> None:
    """What docs/installing.md says of an operator that was installed with kubectl."""
    kubectl(env, "delete", "namespace", SYSTEM, "--ignore-not-found", "--timeout=120s")
    kubectl(env, "delete", CLUSTER_WIDE, "-l", OURS)


@pytest.fixture
def helm(env: Environment, api: client.ApiClient, bare: None, tmp_path: Path) -> Iterator[Helm]:
    """Helm, with a namespace under Pod Security restricted; whatever it installed goes."""
    with new_namespace(api, env) as name:
        helm = Helm(env, name, tmp_path)
        yield helm
        helm("uninstall", RELEASE, "--ignore-not-found", "--wait")


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, env: Environment, api: client.ApiClient, helm: Helm, namespace: str, bucket: str
) -> Iterator[Workbench]:
    """Not the one of the other tests, which looks at conversions before the resource is there."""
    workbench = Workbench(env, api, namespace, bucket, SECRET)
    yield workbench
    if request.node.stash.get(FAILED, False):
        print(workbench.explain())
        print(helm("status", RELEASE, check=False).stdout)
        print(kubectl(env, "-n", helm.namespace, "get", "pods,events"))
        print(kubectl(env, "-n", helm.namespace, "logs", "-l", OURS, "--prefix", "--tail=60"))


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The chart of the version before this."""
    folder = tmp_path / "older"
    shutil.copytree(CHART, folder)
    chart = yaml.safe_load((folder / "Chart.yaml").read_text())
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart | {"version": "0.0.9", "appVersion": "0.0.9"}))
    place = folder / "files/tfliteconversions.yaml"
    resource = yaml.safe_load(place.read_text())
    for version in resource["spec"]["versions"]:
        del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][ADDED]
    place.write_text(yaml.safe_dump(resource))
    return folder


def ours(env: Environment, helm: Helm) -> set[str]:
    """Name what of the operator is there, but for its pods, the resource, and what belongs to conversions."""
    listed = [
        kubectl(env, "get", CLUSTER_WIDE, "-l", OURS, "-o", "name"),
        kubectl(env, "-n", helm.namespace, "get", IN_NAMESPACE, "-l", OURS, "-o", "name"),
    ]
    return set("".join(listed).split())


def test_conversions_in_flight_outlive_an_upgrade_and_all_of_them_the_uninstalling(
    env: Environment, api: client.ApiClient, helm: Helm, bench: Workbench, older: Path, tiny_model: str
) -> None:
    helm.release("install", older, settings={"workers": 2})
    running = [f"running-{number}" for number in range(3)]
    waiting = [f"waiting-{number}" for number in range(2)]
    nowhere = {"nodeSelector": {"tflite-operator.dev/e2e-place": "nowhere"}}
    for name in running:
        bench.create(bench.conversion(name, tiny_model))
    for name in waiting:
        bench.create(bench.conversion(name, tiny_model, **nowhere))
    for name in (*running, *waiting):
        bench.wait(name, lambda seen: "job" in seen.get("status", {}))
    assert "unknown field" in _dry_run(bench, bench.conversion("later", tiny_model, **{ADDED: "low"}))

    helm.release("upgrade", CHART)

    for name in waiting:
        # The newer resource has the field, and the newer operator goes on with what the older one began.
        bench.patch(name, {"spec": {"nodeSelector": None, ADDED: "tflite-operator"}})
    for name in (*running, *waiting):
        assert holds("Ready")(bench.wait(name, is_finished))
        assert bench.get(name)["status"]["job"]["attempt"] == 1
    made = [name.rpartition("-")[0] for name in jobs_made(env, bench.namespace)]
    # The spec of those that waited changed once.
    assert sorted(made) == sorted([*running, *waiting, *waiting])
    assert "unknown field" not in _dry_run(bench, bench.conversion("later", tiny_model, **{ADDED: "low"}))

    before = {name: bench.get(name)["metadata"] for name in (*running, *waiting)}
    assert ours(env, helm)
    helm("uninstall", RELEASE, "--wait")
    assert ours(env, helm) == set()
    assert {name: bench.get(name)["metadata"] for name in before} == before
    assert {one["Key"] for one in env.storage().list_objects_v2(Bucket=bench.bucket)["Contents"]} == {
        f"{name}.tflite" for name in before
    }

    helm.release("install", CHART)
    finished = bench.run(bench.conversion("after", tiny_model))
    assert holds("Ready")(finished)
    # Nothing was converted or written again.
    assert {name: bench.get(name)["metadata"] for name in before} == before


def _dry_run(bench: Workbench, conversion: Object) -> str:
    argv = ["create", "--namespace", bench.namespace, "--dry-run=server", "--validate=strict", "-f", "-"]
    done = subprocess.run(
        [*bench.env.kubectl, *argv], input=json.dumps(conversion), capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stderr


def test_a_release_for_some_namespaces_acts_in_them_and_has_no_rights_elsewhere(
    env: Environment, api: client.ApiClient, helm: Helm, bench: Workbench, tiny_model: str
) -> None:
    helm.release("install", CHART, watchNamespaces=[bench.namespace])
    account = f"system:serviceaccount:{helm.namespace}:tflite-operator"

    def may(namespace: str, verb: str, resource: str) -> bool:
        argv = ["auth", "can-i", verb, resource, "--as", account, "--namespace", namespace]
        return subprocess.run([*env.kubectl, *argv], capture_output=True, check=False).returncode == 0

    with new_namespace(api, env) as elsewhere:
        outside = Workbench(env, api, elsewhere, bench.bucket, SECRET)
        outside.create(outside.conversion("unseen", tiny_model))
        assert holds("Ready")(bench.run(bench.conversion("seen", tiny_model)))
        assert outside.get("unseen")["status"] == {"observedGeneration": -1}
        rights = [("create", "jobs.batch"), ("list", "pods"), ("patch", "tfliteconversions.tflite-operator.dev")]
        assert [may(bench.namespace, *right) for right in rights] == [True] * 3
        assert [may(elsewhere, *right) for right in rights] == [False] * 3


def test_what_lets_pods_out_of_a_closed_network_reaches_them_and_not_the_model(
    env: Environment, api: client.ApiClient, helm: Helm, bench: Workbench, tiny_model: str
) -> None:
    """A proxy where nobody listens stands for one that is asked: what goes there fails, and says so."""
    core = client.CoreV1Api(api)
    # Any authority will do. A namespace made just now may not have the cluster's yet.
    authority = core.read_namespaced_config_map("kube-root-ca.crt", "default").data["ca.crt"]
    core.create_namespaced_config_map(bench.namespace, {"metadata": {"name": "own"}, "data": {"bundle.pem": authority}})
    helm.release(
        "install",
        CHART,
        imagePullSecrets=["registry"],
        certificateAuthorities={"configMap": "own", "key": "bundle.pem"},
        proxy={
            "http": "http://127.0.0.1:9",
            "noProxy": [urlsplit(url).hostname for url in (env.hub_url, env.s3_endpoint)],
        },
    )
    assert holds("Ready")(bench.run(bench.conversion("direct", tiny_model)))
    bench.create(bench.conversion("through", "http://models.invalid/1"))
    bench.wait("through", lambda seen: "the proxy does not answer" in condition(seen, "Reconciling").get("message", ""))
    [pod, *_] = core.list_namespaced_pod(bench.namespace).items
    assert [one.name for one in pod.spec.image_pull_secrets] == ["registry"]
    has = {
        one.name: {"HTTP_PROXY", "TFLITE_CA_BUNDLE"} & {variable.name for variable in one.env}
        for one in (*pod.spec.init_containers, *pod.spec.containers)
    }
    assert has["convert"] == set()
    assert has["prepare"] == has["publish"] == {"HTTP_PROXY", "TFLITE_CA_BUNDLE"}


def test_the_page_says_what_is_tested_here() -> None:
    page = (CHART.parents[2] / "docs/installing.md").read_text()
    chart = f"{RELEASE} deploy/helm/tflite-operator --namespace {SYSTEM}"
    for command in (
        f"kubectl delete namespace {SYSTEM}",
        f"kubectl delete {CLUSTER_WIDE} -l {OURS}",
        f"helm install {chart} --values values.yaml --wait\n",
        f"helm upgrade {chart} --values values.yaml --wait\n",
        f"helm uninstall {RELEASE} --namespace {SYSTEM} --wait\n",
    ):
        assert f"$ {command}" in page, command


def test_a_second_release_is_refused(helm: Helm, env: Environment, api: client.ApiClient, tmp_path: Path) -> None:
    helm.release("install", CHART)
    with new_namespace(api, env) as other:
        again = Helm(env, other, tmp_path)("install", "another", str(CHART), check=False)
    assert again.returncode != 0
    assert "cannot be imported into the current release" in again.stderr
