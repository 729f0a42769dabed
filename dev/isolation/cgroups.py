"""The control group of all pods: made before the kubelet, which requires it, and removed after it."""

import contextlib
import os
import time
from pathlib import Path

from dev.host.checkout import Checkout

ROOT = Path("/sys/fs/cgroup")


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Return the one tree of cgroup v2, or the tree of every controller of v1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    # `cpu` and `cpuacct` may be two names of one tree.
    return sorted({tree.resolve() for tree in root.iterdir() if (tree / "cgroup.procs").exists()})


def make(checkout: Checkout) -> None:
    """Make the group in every tree."""
    for tree in hierarchies():
        (tree / checkout.cgroup).mkdir(exist_ok=True)


def remove(checkout: Checkout) -> None:
    """Remove the group and all below it, once its processes have ended."""
    for tree in hierarchies():
        group = tree / checkout.cgroup
        deadline = time.monotonic() + 5
        while group.exists() and time.monotonic() < deadline:
            # A group stays busy for an instant after its last process; the next round gets it.
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
            if group.exists():
                time.sleep(0.05)
