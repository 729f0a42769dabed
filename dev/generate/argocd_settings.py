"""Writes deploy/argocd/argocd-cm.yaml from the Lua beside it: `python -m dev.generate.argocd_settings`."""

from typing import Final

import yaml

from dev.host.checkout import Checkout
from tflite_api import names

FOLDER: Final = Checkout.here().root / "deploy/argocd"
LUA: Final = FOLDER / "resource_customizations" / names.GROUP / names.KIND
SETTINGS: Final = FOLDER / "argocd-cm.yaml"

_BEGINNING: Final = """\
# Written by `python -m dev.generate.argocd_settings` from deploy/argocd/resource_customizations/.

# What Argo CD has to know of a TFLiteConversion.
"""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def settings() -> str:
    """Return the part of the ConfigMap argocd-cm."""
    kind = f"{names.GROUP}_{names.KIND}"
    actions = {
        "discovery.lua": (LUA / "actions/discovery.lua").read_text(),
        "definitions": [
            {"name": action.parent.name, "action.lua": action.read_text()}
            for action in sorted(LUA.glob("actions/*/action.lua"))
        ],
    }
    data = {
        f"resource.customizations.health.{kind}": (LUA / "health.lua").read_text(),
        f"resource.customizations.actions.{kind}": _dump(actions),
    }
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data}
    return f"{_BEGINNING}{_dump(wanted)}"


def _dump(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=1000)


if __name__ == "__main__":
    SETTINGS.write_text(settings())
