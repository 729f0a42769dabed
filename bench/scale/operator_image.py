"""The operator as it is deployed: from its image, whose Python is not this machine's.

How an interpreter was compiled makes a third of its speed (measured: 3.11 built with and without profiles).
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.scale.operator_process import Program
from dev.building import images, oci
from dev.host.checkout import Checkout

_IMAGE: Final = images.tagged(images.OPERATOR_IMAGE)


def make(checkout: Checkout) -> None:
    """Build the image where need be, and unpack it."""
    images.make(checkout, (_IMAGE,))
    layout = images.layout(checkout, _IMAGE)
    root, manifest = _root(checkout), oci.manifest_of(layout)
    stamp = root.with_suffix(".unpacked-from")
    if stamp.exists() and stamp.read_text() == manifest["digest"]:
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    _, _, *layers = oci.blobs_of(layout, manifest)
    for layer in layers:
        subprocess.run(["tar", "--extract", "--file", layout / oci.blob_path(layer), "--directory", root], check=True)
    stamp.write_text(manifest["digest"])


def program(checkout: Checkout, shown: Path) -> Program:
    """Return its command, after mounting what it needs where the command looks for it.

    Args:
        checkout: where the image is unpacked.
        shown: a folder that it is to see, in the same place.
    """
    root = _root(checkout)
    there = root / shown.relative_to("/")
    there.mkdir(parents=True, exist_ok=True)
    # In the benchmark's own mount namespace, so they end with it.
    for command in (("mount", "--bind", shown, there), ("mount", "-t", "proc", "proc", root / "proc")):
        subprocess.run(command, check=True)
    config = oci.config_of(images.layout(checkout, _IMAGE))["config"]
    variables = dict(variable.split("=", 1) for variable in config["Env"])
    # By its whole name: it is looked for in the image's PATH.
    return Program((shutil.which("chroot") or "chroot", str(root), *config["Entrypoint"]), variables)


def _root(checkout: Checkout) -> Path:
    return checkout.cache / "bench" / "operator-image"
