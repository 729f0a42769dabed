"""The examples for Flux, as they are but for addresses, images and the team's namespace, on a cluster without operator.

Each test installs the operator anew, so what the other tests use goes first and is there again afterwards.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.generate.manifests import CHART, ROOT
from dev.testing import flux as installation
from dev.testing.kubectl import Kubectl
from tests.e2e.clusters.test_install_helm import ADDED, CRD, OURS, bare, older, operator_gone, uninstall_with_kubectl
from tests.e2e.conftest import FAILED, kubectl
from tests.e2e.fixtures.audit import jobs_made
from tests.e2e.fixtures.conversions import Object, Workbench, condition, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM
from tests.gitops.flux import Flux
from tests.gitops.repository import Repository, Server

# What Helm's own tests have as well, pytest finds by its name here.
__all__ = ["bare", "older", "operator_gone"]

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(1200)]

NONE = "sha256:" + 64 * "0"
RELEASE = "tflite-operator"


@pytest.fixture
def product(git_server: Server, namespace: str, tmp_path: Path) -> Repository:
    """The repository of the operator itself."""
    return Repository(git_server, f"{namespace}-operator", tmp_path / "product")


@pytest.fixture
def flux(
    request: pytest.FixtureRequest,
    env: Environment,
    controllers: None,
    bare: None,
    bench: Workbench,
    product: Repository,
) -> Iterator[Flux]:
    """Flux's resources in its own namespace, as the examples have them; whatever was installed goes again."""
    made = Flux(Kubectl(tuple(env.kubectl), installation.NAMESPACE), product)
    yield made
    if request.node.stash.get(FAILED, False):
        print(made.explain())
        print(kubectl(env, "-n", SYSTEM, "get", "pods,events"))
    # While the operator runs: it may have artifacts to delete.
    made.clear()
    kubectl(env, "delete", "crd", CRD, "--ignore-not-found", "--timeout=120s")
    uninstall_with_kubectl(env)


def example(name: str, changes: dict[str, str]) -> dict[str, Object]:
    """Return an example's objects by kind and name, with other words in the place of what only stands for something."""
    text = (ROOT / "examples/gitops" / name).read_text()
    for words, others in changes.items():
        assert words in text, words
        text = text.replace(words, others)
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(text)}


def tagged(image: str) -> dict[str, str]:
    repository, _, tag = image.rpartition(":")
    return {"repository": repository, "tag": tag}


def test_conversions_wait_until_the_operator_that_git_installs_is_ready(
    flux: Flux, env: Environment, bench: Workbench, product: Repository, repository: Repository, tiny_model: str
) -> None:
    objects = example(
        "flux-kustomization.yaml",
        {
            "https://git.example.com/platform/tflite-operator.git": product.url,
            "https://git.example.com/team/models.git": repository.url,
            f"registry.example.com/tflite-converter@{NONE}": env.converter_image,
            "targetNamespace: team": f"targetNamespace: {bench.namespace}",
            "namespace: team": f"namespace: {bench.namespace}",
        },
    )
    image = tagged(env.operator_image)
    operator, models = objects["Kustomization/tflite-operator"], objects["Kustomization/models"]
    [pinned] = operator["spec"]["images"]
    operator["spec"]["images"] = [{"name": pinned["name"], "newName": image["repository"], "newTag": image["tag"]}]
    conversion = bench.conversion("mobilenet-v2", tiny_model)
    revision = repository.commit({"conversions/mobilenet-v2.yaml": yaml.safe_dump(conversion)})
    for folder in ("deploy", "crds"):
        product.copy(ROOT / folder, folder)
    product.push("Release")
    product.tag(objects["GitRepository/tflite-operator"]["spec"]["ref"]["tag"])

    flux.apply(*objects.values())
    flux.wait_ready(revision, models["metadata"]["name"])
    assert holds("Ready")(bench.get("mobilenet-v2"))
    installed = flux.get("kustomization", "tflite-operator")
    assert condition(installed, "Ready")["status"] == "True"

    # At rest nothing of the operator is applied again: neither its policies nor the resource nor its settings.
    flux.reconcile("kustomization", "tflite-operator")
    said = flux.events("Kustomization", "tflite-operator")
    assert [words for words in said if "configured" in words] == []
    # Git's operator stays when its Kustomization goes, and with it the resource and every conversion.
    flux.delete("kustomization", "tflite-operator")
    assert holds("Ready")(bench.get("mobilenet-v2"))


def release(flux: Flux) -> Object:
    return flux.get("helmrelease", RELEASE)


def deployed(seen: Object) -> str | None:
    """Return the version of the chart that a release has, if all is well with it."""
    ready = condition(seen, "Ready")
    current = ready.get("observedGeneration") == seen["metadata"]["generation"]
    history = seen.get("status", {}).get("history", [])
    well = current and ready.get("status") == "True" and history and history[0]["status"] == "deployed"
    version: str | None = history[0]["chartVersion"].partition("+")[0] if well else None
    return version


def test_conversions_in_flight_outlive_an_upgrade_of_the_release(
    flux: Flux, env: Environment, bench: Workbench, product: Repository, older: Path, tiny_model: str
) -> None:
    objects = example(
        "flux-helm-release.yaml",
        {"https://git.example.com/platform/tflite-operator.git": product.url, "tag: v0.1.0": "branch: main"},
    )
    values = objects[f"HelmRelease/{RELEASE}"]["spec"]["values"]
    values |= {"image": tagged(env.operator_image), "converterImage": tagged(env.converter_image)}
    place = CHART.relative_to(ROOT)
    # Other settings than the next version's: the upgrade replaces the operator's pods.
    defaults = yaml.safe_load((older / "values.yaml").read_text())
    (older / "values.yaml").write_text(yaml.safe_dump(defaults | {"settings": defaults["settings"] | {"workers": 2}}))
    product.copy(older, str(place))
    product.push("The version before")
    flux.apply(*objects.values())
    flux.wait("helmrelease", RELEASE, lambda seen: deployed(seen) == "0.0.9")

    running = [f"running-{number}" for number in range(3)]
    waiting = [f"waiting-{number}" for number in range(2)]
    nowhere = {"nodeSelector": {"tflite-operator.dev/e2e-place": "nowhere"}}
    for name in (*running, *waiting):
        bench.create(bench.conversion(name, tiny_model, **(nowhere if name in waiting else {})))
    for name in (*running, *waiting):
        bench.wait(name, lambda seen: "job" in seen.get("status", {}))
    pods = operators(env)
    product.copy(CHART, str(place))
    flux.fetch(product.push("The next version"), RELEASE)
    flux.wait("helmrelease", RELEASE, lambda seen: deployed(seen) == chart_version())
    assert operators(env).isdisjoint(pods)
    for name in waiting:
        # The newer resource has the field, and the newer operator goes on with what the older one began.
        bench.patch(name, {"spec": {"nodeSelector": None, ADDED: "tflite-operator"}})
    for name in (*running, *waiting):
        assert holds("Ready")(bench.wait(name, is_finished, 600))
        assert bench.get(name)["status"]["job"]["attempt"] == 1
    made = [name.rpartition("-")[0] for name in jobs_made(env, bench.namespace)]
    # The spec of those that waited changed once.
    assert sorted(made) == sorted([*running, *waiting, *waiting])

    before = {name: bench.get(name) for name in (*running, *waiting)}
    resource = json.loads(kubectl(env, "get", "crd", CRD, "-o", "json"))["metadata"]["resourceVersion"]
    flux.reconcile("helmrelease", RELEASE)
    assert [words for words in flux.events("HelmRelease", RELEASE) if "drift" in words.lower()] == []
    assert json.loads(kubectl(env, "get", "crd", CRD, "-o", "json"))["metadata"]["resourceVersion"] == resource

    flux.delete("helmrelease", RELEASE)
    assert kubectl(env, "-n", SYSTEM, "get", "deployments", "-l", OURS, "-o", "name") == ""
    assert {name: bench.get(name) for name in before} == before


def operators(env: Environment) -> set[str]:
    """Name the operator's pods that are not on their way out."""
    shown = json.loads(kubectl(env, "-n", SYSTEM, "get", "pods", "-l", OURS, "-o", "json"))["items"]
    return {one["metadata"]["name"] for one in shown if "deletionTimestamp" not in one["metadata"]}


def chart_version() -> str:
    chart: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version: str = chart["version"]
    return version
