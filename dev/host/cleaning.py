"""Removes folders of ours, but never the content of what is mounted in them."""

import shutil
import subprocess
import time
from pathlib import Path

from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.progress import step

MOUNTS = Path("/proc/self/mountinfo")


def clean(checkout: Checkout) -> None:
    """Remove `.cache`. The cluster has been taken down before."""
    with step(f"removing {checkout.cache}"):
        remove(checkout.cache)


def remove(folder: Path) -> None:
    """Remove a folder with all it holds.

    The cluster's own mounts are in its namespace and ended with it. Whatever else is mounted here belongs to
    the user: it is unmounted, and its content stays.
    """
    for mount in mounts_below(folder, MOUNTS.read_text()):
        subprocess.run(["umount", str(mount)], check=False, capture_output=True)
    left = mounts_below(folder, MOUNTS.read_text())
    if left:
        raise DevError(f"something is mounted on {left[0]} and in use; unmount it first")
    deadline = time.monotonic() + 5
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            # A process that is just ending may still have written something.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def mounts_below(folder: Path, mountinfo: str) -> list[Path]:
    """Return the mount points at or below a folder, the innermost first. Pure."""
    points = (line.split()[4] for line in mountinfo.splitlines() if line.strip())
    # Blanks, tabs, line breaks and backslashes are written in octal.
    decoded = [Path(point.encode().decode("unicode_escape").encode("latin-1").decode()) for point in points]
    below = [point for point in decoded if point.is_relative_to(folder)]
    return sorted(below, key=lambda point: len(point.parts), reverse=True)
