"""Flux on the throw-away cluster: its controllers as pods, with the resources and rights that their modules publish.

Two things differ from a cluster of one's own. There is no DNS here, so the source controller names the address of its
Service where its artifacts are; and what depends on another Kustomization looks for it more often.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from dev.building import binaries
from dev.daemons.node import Node
from dev.host.checkout import Checkout
from dev.host.progress import step
from dev.isolation.namespaces import Namespaces
from dev.testing.kubectl import Kubectl

NAMESPACE: Final = "flux-system"
CONTROLLERS: Final = ("source-controller", "kustomize-controller", "helm-controller")
_SOURCES: Final = "flux"
_IMAGE: Final = "localhost/{}:dev"
_ARGUMENTS: Final = "/spec/template/spec/containers/0/args"

Object = dict[str, Any]


def install(checkout: Checkout, inside: Namespaces, kubectl: Sequence[str]) -> None:
    """Build the controllers, give them to the node, and install them; return when they are ready."""
    run, node = Kubectl(tuple(kubectl)), Node(inside)
    for name in CONTROLLERS:
        program = binaries.make_tool(checkout, name)
        with step(f"giving the node {name}"):
            node.import_program(program, _IMAGE.format(name))
    published = {name: _published(checkout, name) for name in CONTROLLERS}
    run.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    system = run.within(NAMESPACE)
    system("apply", "-f", str(published["source-controller"] / "manager/service.yaml"))
    address = system.get("service", "source-controller")["spec"]["clusterIP"]
    with step("installing Flux"):
        folder = _written(checkout, kustomization(_folder(checkout), published, address))
        # Server-side: some resources are larger than the annotation of a client-side apply may be.
        run("apply", "--server-side", "--force-conflicts", "-k", str(folder))
        for name in CONTROLLERS:
            system("rollout", "status", f"deployment/{name}", "--timeout=120s")


def uninstall(checkout: Checkout, kubectl: Sequence[str]) -> None:
    """Remove all that `install` made.

    Objects of Flux's kinds have to be gone: nobody would take their finalizers off any more.
    """
    run = Kubectl(tuple(kubectl))
    run("delete", "-k", str(_folder(checkout)), "--ignore-not-found", "--timeout=120s")
    run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


def kustomization(folder: Path, published: Mapping[str, Path], source_address: str) -> Object:
    """Return the kustomization that installs the controllers. Pure.

    Args:
        folder: where it will be.
        published: the folder `config` of each controller's module.
        source_address: where the source controller's artifacts are fetched.
    """
    parts = [path / part for path in published.values() for part in ("crd", "rbac", "manager")]
    changes = {
        "source-controller": [
            # Refused if the module puts its arguments in another order one day.
            _operation("test", "4", "--storage-path=/data"),
            _operation("replace", "5", f"--storage-adv-addr={source_address}"),
        ],
        "kustomize-controller": [_operation("add", "-", "--requeue-dependency=1s")],
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [os.path.relpath(part, folder) for part in parts],
        "images": [_image(name) for name in published],
        "patches": [
            {"target": {"kind": "Deployment", "name": name}, "patch": yaml.safe_dump(change)}
            for name, change in changes.items()
        ],
    }


def _image(name: str) -> Object:
    image, _, tag = _IMAGE.format(name).rpartition(":")
    return {"name": f"fluxcd/{name}", "newName": image, "newTag": tag}


def _operation(verb: str, place: str, value: str) -> Object:
    return {"op": verb, "path": f"{_ARGUMENTS}/{place}", "value": value}


def _published(checkout: Checkout, name: str) -> Path:
    folder = binaries.module_folder(checkout, _SOURCES, f"github.com/fluxcd/{name}")
    return folder.resolve() / "config"


def _folder(checkout: Checkout) -> Path:
    # Resolved: .cache may be a link to another checkout's, and kubectl follows it before it goes up.
    return checkout.cache.resolve() / "flux"


def _written(checkout: Checkout, content: Object) -> Path:
    folder = _folder(checkout)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(json.dumps(content, indent=1))
    return folder
