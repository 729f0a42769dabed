"""Removing everything that was ever made here."""

import shutil
import subprocess
from pathlib import Path

from dev.checkout import Checkout
from dev.errors import DevError
from dev.progress import step


def clean(checkout: Checkout) -> None:
    """Remove `.cache`. The cluster has been taken down before."""
    with step(f"removing {checkout.cache}"):
        for mount in mounts_below(checkout.cache, Path("/proc/self/mountinfo").read_text()):
            # None of ours is in this mount namespace, so it is somebody's own: taken off, never removed through.
            subprocess.run(["umount", str(mount)], check=False, capture_output=True)
        left = mounts_below(checkout.cache, Path("/proc/self/mountinfo").read_text())
        if left:
            raise DevError(f"something is mounted on {left[0]} and in use; unmount it first")
        if checkout.cache.exists():
            shutil.rmtree(checkout.cache)


def mounts_below(folder: Path, mountinfo: str) -> list[Path]:
    """Find the mount points at or below a folder, the innermost first. Pure."""
    points = (line.split()[4] for line in mountinfo.splitlines() if line.strip())
    # Blanks, tabs, line breaks and backslashes are written in octal.
    decoded = [Path(point.encode().decode("unicode_escape").encode("latin-1").decode()) for point in points]
    below = [point for point in decoded if point.is_relative_to(folder)]
    return sorted(below, key=lambda point: len(point.parts), reverse=True)
