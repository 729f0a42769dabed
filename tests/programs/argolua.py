"""Runs the health check and the actions for Argo CD in the Lua interpreter that Argo CD has."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from dev.building import binaries
from dev.host.checkout import Checkout
from tflite_api import names

Object = dict[str, Any]

FOLDER: Final = Checkout.here().root / "deploy/argocd/resource_customizations" / names.GROUP / names.KIND
HEALTH: Final = FOLDER / "health.lua"
DISCOVERY: Final = FOLDER / "actions/discovery.lua"


def action(name: str) -> Path:
    """Return the path of an action's script."""
    return FOLDER / "actions" / name / "action.lua"


def run(script: Path, objects: Sequence[Object]) -> list[Object]:
    """Return the table that the script returns for each object.

    Raises:
        AssertionError: the script failed or returned something else; the message is the interpreter's.
    """
    program = binaries.make_tool(Checkout.here(), "argolua")
    text = script.read_text()
    asked = "\n".join(json.dumps({"script": text, "object": one}) for one in objects)
    done = subprocess.run([program], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["error"] for one in answers if "error" in one] == []
    assert len(answers) == len(objects)
    return [one["result"] for one in answers]


def health(objects: Sequence[Object]) -> list[tuple[str, str]]:
    """Return Argo CD's word and message for each object."""
    return [(one["status"], one["message"]) for one in run(HEALTH, objects)]
