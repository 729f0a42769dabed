"""Asks the real Helm and kustomize what they make of deploy/."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from dev.building import binaries
from dev.generate.manifests import CHART, ROOT, rendered
from dev.host.checkout import Checkout

Object = dict[str, Any]


def helm(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Helm.

    Raises:
        AssertionError: it failed, and `check` says that it must not; the message is its own.
    """
    program = str(binaries.make_tool(Checkout.here(), "helm"))
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"helm {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done


def refusal(values: Object, folder: Path) -> str:
    """Return Helm's message about values that it refuses."""
    done = helm("template", "tflite-operator", str(CHART), "--values", str(_file(values, folder)), check=False)
    assert done.returncode != 0, f"Helm takes {values}"
    return done.stderr


def of_chart(values: Object, folder: Path) -> list[Object]:
    """Return the objects that the chart makes of these values."""
    return _objects(rendered("--values", str(_file(values, folder))))


def of_kustomization(kustomization: Object, folder: Path) -> list[Object]:
    """Return the objects of a user's own kustomization; what it names are folders of this repository."""
    program = str(binaries.make_tool(Checkout.here(), "kustomize"))
    named = {
        kind: [os.path.relpath(ROOT / path, folder.resolve()) for path in kustomization.get(kind, [])]
        for kind in ("resources", "transformers")
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization | named))
    done = subprocess.run([program, "build", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _objects(done.stdout)


def _objects(text: str) -> list[Object]:
    return [one for one in yaml.safe_load_all(text) if one is not None]


def _file(values: Object, folder: Path) -> Path:
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def one(objects: Sequence[Object], kind: str, name: str = "tflite-operator") -> Object:
    """Return the one object of a kind and name."""
    [found] = [made for made in objects if (made["kind"], made["metadata"]["name"]) == (kind, name)]
    return found
