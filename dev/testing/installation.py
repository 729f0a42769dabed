"""Installs the operator as a user does: `kubectl apply -k` of an overlay that names this checkout's images."""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import yaml

from dev.building import oci
from dev.building.images import OPERATOR_IMAGE
from dev.host.checkout import Checkout
from dev.testing.definitions import wait_until_served
from dev.testing.kubectl import Kubectl

ROOT: Final = Checkout.here().root
NAMESPACE: Final = "tflite-operator-system"
_OPERATOR_IMAGE: Final = "ghcr.io/tflite-operator/operator"
"""The name in deploy/ that an overlay replaces."""
_DEFINITION: Final = "tfliteconversions.tflite-operator.dev"
_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType({})


def overlay(
    base: str,
    operator_image: str,
    converter_image: str,
    digest: str | None = None,
    settings: Mapping[str, str] = _DEFAULTS,
) -> dict[str, object]:
    """Return the kustomization that installs the operator with these images.

    Args:
        base: path of deploy/.
        operator_image: its name and tag.
        converter_image: its name and tag.
        digest: of the operator's image, where its tag moves: another digest replaces the pods.
        settings: variables of the operator.
    """
    name, separator, tag = operator_image.rpartition(":")
    # A colon before the last slash belongs to a registry's port.
    image = {"newName": name, "newTag": tag} if separator and "/" not in tag else {"newName": operator_image}
    given = {"CONVERTER_IMAGE": converter_image} | dict(settings)
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "transformers": [f"{base}/policy_settings"],
        "images": [{"name": _OPERATOR_IMAGE} | image],
        "configMapGenerator": [
            {
                "name": "tflite-operator",
                "namespace": NAMESPACE,
                "behavior": "merge",
                "literals": [f"{name}={value}" for name, value in given.items()],
            }
        ],
        "patches": [_annotated(digest)] if digest is not None else [],
    }


def _annotated(digest: str) -> dict[str, object]:
    place = "/spec/template/metadata/annotations/tflite-operator.dev~1image-digest"
    change = [{"op": "add", "path": place, "value": digest}]
    return {"target": {"kind": "Deployment", "name": "tflite-operator"}, "patch": yaml.safe_dump(change)}


def _digest(image: str) -> str | None:
    """Return the digest of this checkout's own image, whose tag never changes; None for any other."""
    layout = ROOT / ".cache/images/tflite-operator"
    if image != OPERATOR_IMAGE or not (layout / "index.json").exists():
        return None
    digest: str = oci.manifest_of(layout)["digest"]
    return digest


def apply_crd(kubectl: Sequence[str]) -> None:
    """Install the CRD, and wait until the API server serves it."""
    run = Kubectl(tuple(kubectl))
    run("apply", "-f", str(ROOT / "crds/tfliteconversions.yaml"))
    wait_until_served(run, [_DEFINITION])


def install(
    kubectl: Sequence[str], operator_image: str, converter_image: str, settings: Mapping[str, str] = _DEFAULTS
) -> None:
    """Install the operator or update it to these images and settings, and wait until it is ready."""
    run = Kubectl(tuple(kubectl))
    folder = ROOT / ".cache/overlay"
    folder.mkdir(parents=True, exist_ok=True)
    # .cache may be a link to another checkout's, and kubectl follows it before it goes up.
    base = os.path.relpath(ROOT / "deploy", folder.resolve())
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump(overlay(base, operator_image, converter_image, _digest(operator_image), settings))
    )
    run("apply", "-k", str(folder))
    run("rollout", "status", "deployment/tflite-operator", "--namespace", NAMESPACE, "--timeout=180s")
