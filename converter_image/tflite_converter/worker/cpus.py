"""How many CPUs this process may use.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max),
https://docs.kernel.org/scheduler/sched-bwc.html (cpu.cfs_quota_us and cpu.cfs_period_us of version 1).
"""

import os
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


def available(mount: Path = MOUNT, membership: Path = Path("/proc/self/cgroup")) -> float:
    """Return how many CPUs this process may use at once, a part of one too: those it may run on, less its quota."""
    given = float(len(os.sched_getaffinity(0)))
    quotas = (_quota(folder) for folder in _folders(mount, membership))
    return min([given, *(quota for quota in quotas if quota is not None)])


def _folders(mount: Path, membership: Path) -> list[Path]:
    """Return the control groups that bound it, as far as they can be seen: its own, and those that hold it."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        hierarchy, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            root = mount / "cpu"
        elif hierarchy == "0":
            root = mount
        else:
            continue
        own = root / path.strip("/")
        # Inside a container the mount often starts at the container's own group already.
        folders += [folder for folder in (own, *own.parents) if folder.is_relative_to(root)]
    return folders


def _quota(folder: Path) -> float | None:
    text = _read(folder / "cpu.max")
    if text is None:
        quota, period = (_read(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        text = f"{quota} {period}"
    amounts = text.split()
    if len(amounts) != len(("quota", "period")) or not all(amount.isdigit() for amount in amounts):
        # "max", and -1 in version 1, are no quota.
        return None
    return int(amounts[0]) / int(amounts[1]) if int(amounts[1]) else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
