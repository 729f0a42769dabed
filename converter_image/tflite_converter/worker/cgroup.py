"""What the kernel says about this container's memory: limit, kills, peak.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.events),
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html (memory.limit_in_bytes, memory.oom_control).
"""

import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_NO_LIMIT_V1: Final = 2**60
"""Version 1 writes the largest multiple of a page that fits in 63 bits if there is no limit."""


@dataclass(frozen=True)
class MemoryGroup:
    """The control group that bounds this process's memory; files that are absent read as None."""

    folder: Path
    version: int

    @classmethod
    def of_this_process(
        cls, mount: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
    ) -> Self | None:
        """Return the group of this process, in version 1 or 2; None if none can be seen."""
        try:
            lines = membership.read_text().splitlines()
        except OSError:
            return None
        for line in lines:
            hierarchy, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                version, root, marker = 1, mount / "memory", "memory.limit_in_bytes"
            elif hierarchy == "0":
                version, root, marker = 2, mount, "memory.events"
            else:
                continue
            # Inside a container the mount often starts at the container's own group already.
            for folder in (root / path.strip("/"), root):
                if (folder / marker).is_file():
                    return cls(folder, version)
        return None

    def limit(self) -> int | None:
        """Return the limit in bytes; None if there is none."""
        text = self._read("memory.max" if self.version == 2 else "memory.limit_in_bytes")
        if text is None or not text.strip().isdigit() or int(text) >= _NO_LIMIT_V1:
            return None
        return int(text)

    def kills(self) -> int | None:
        """Return how many processes of the group the kernel killed for lack of memory so far."""
        text = self._read("memory.events" if self.version == 2 else "memory.oom_control")
        for line in (text or "").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill" and count.strip().isdigit():
                return int(count)
        return None

    def _read(self, name: str) -> str | None:
        try:
            return (self.folder / name).read_text()
        except OSError:
            return None


def peak_of_this_process() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
