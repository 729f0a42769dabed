"""Asks the library of Argo CD whether it would show an object as OutOfSync."""

import copy
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.building import binaries
from dev.host.checkout import Checkout

Object = dict[str, Any]

MANAGER: Final = "argocd-controller"
_TRACKING: Final = "argocd.argoproj.io/tracking-id"


def tracked(desired: Object, namespace: str) -> Object:
    """Return what Argo CD applies: it adds the application's namespace, and an annotation of its own."""
    made = copy.deepcopy(desired)
    made["metadata"]["namespace"] = namespace
    group, _, _ = made["apiVersion"].rpartition("/")
    place = f"{namespace}/{made['metadata']['name']}"
    made["metadata"].setdefault("annotations", {})[_TRACKING] = f"models:{group}/{made['kind']}:{place}"
    return made


@dataclass(frozen=True)
class Pair:
    """An object of Git and of the cluster, and what applying the first would make of the second."""

    desired: Object
    live: Object
    dry_run: Object


def differences(pairs: Sequence[Pair], schema: Path) -> list[dict[str, list[str]]]:
    """Return of each pair the places where Argo CD would show a difference, by its ways of comparing.

    Args:
        pairs: what is compared.
        schema: the API server's OpenAPI v2 document.
    """
    program = binaries.make_tool(Checkout.here(), "argodiff")
    asked = "\n".join(json.dumps({"desired": one.desired, "live": one.live, "dryRun": one.dry_run}) for one in pairs)
    done = subprocess.run([program, str(schema)], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line)["ways"] for line in done.stdout.splitlines()]
    assert len(answers) == len(pairs)
    return [
        {
            way: places(found["predicted"], found["live"]) or ["somewhere"]
            for way, found in sorted(answer.items())
            if found["modified"]
        }
        for answer in answers
    ]


def places(predicted: object, live: object, at: str = "") -> list[str]:
    """Name where two objects differ."""
    match predicted, live:
        case dict(), dict():
            names = sorted({*predicted, *live})
            return [place for name in names for place in places(predicted.get(name), live.get(name), f"{at}.{name}")]
        case _:
            return [] if predicted == live else [f"{at}: {live} would become {predicted}"]
