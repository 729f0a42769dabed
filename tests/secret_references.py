"""The fields of a conversion's spec that name a Secret, as the CRD has them."""

from collections.abc import Iterator
from typing import Any

import yaml

from dev.host.checkout import Checkout

Node = dict[str, Any]


def secret_references() -> list[str]:
    """Return the paths of all fields whose name ends like secretRef; `[]` stands for each item, `{}` for each value."""
    crd = yaml.safe_load((Checkout.here().root / "crds/tfliteconversions.yaml").read_text())
    [version] = crd["spec"]["versions"]
    return list(_paths(version["schema"]["openAPIV3Schema"]["properties"]["spec"], "spec"))


def _paths(node: Node, path: str) -> Iterator[str]:
    for name, child in node.get("properties", {}).items():
        if name.lower().endswith("secretref"):
            yield f"{path}.{name}"
        else:
            yield from _paths(child, f"{path}.{name}")
    if "items" in node:
        yield from _paths(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _paths(node["additionalProperties"], f"{path}{{}}")
