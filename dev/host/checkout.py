"""Where the things of one checkout are.

Everything made lives under `.cache/` of the checkout. What is machine-wide by nature (a network interface,
a control group, a few firewall rules) carries the checkout's identity in its name, so that two checkouts
run side by side and none removes what belongs to another.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

MACHINE_WIDE = Path("/run/tflite-operator-dev")


@dataclass(frozen=True)
class Checkout:
    """One working copy of the repository."""

    root: Path

    @classmethod
    def here(cls) -> "Checkout":
        """Return the checkout that this file belongs to."""
        return cls(Path(__file__).resolve().parents[2])

    @property
    def identity(self) -> str:
        """Eight hexadecimal digits: short enough for the name of a network interface (15 characters)."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:8]

    @property
    def home(self) -> Path:
        """Where `.cache` really is: git worktrees that link to one `.cache` share the cluster in it."""
        return self.cache.resolve().parent

    @property
    def cache(self) -> Path:
        """Folder of everything that is built or recorded."""
        return self.root / ".cache"

    @property
    def bin(self) -> Path:
        """Built programs."""
        return self.cache / "bin"

    @property
    def run(self) -> Path:
        """State of the running cluster; removed when a new one is made."""
        return self.cache / "run"

    @property
    def logs(self) -> Path:
        """Logs of the running cluster, one file per process."""
        return self.run / "log"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: each change of a conversion or a Job, one JSON object per line."""
        return self.logs / "audit.log"

    @property
    def s3_access_log(self) -> Path:
        """The S3 server's log of each request, in the format of Amazon's server access log."""
        return self.logs / "s3-access.log"

    @property
    def containerd(self) -> Path:
        """Image store of the cluster's node; outlives the cluster because importing images is slow."""
        return self.cache / "containerd"

    @property
    def hub(self) -> Path:
        """What the Hub server serves."""
        return self.cache / "hub"

    @property
    def s3(self) -> Path:
        """What the S3 server stores."""
        return self.cache / "s3"

    @property
    def images(self) -> Path:
        """Built images on their way to the cluster."""
        return self.cache / "images"

    @property
    def kubeconfig(self) -> Path:
        """Credentials of the cluster's administrator."""
        return self.run / "kubeconfig"

    @property
    def machine_wide(self) -> Path:
        """What has to be found even after the checkout's folder was deleted."""
        return MACHINE_WIDE / self.identity

    @property
    def interface(self) -> str:
        """Return the machine's end of the cable into the cluster's network."""
        return f"tfl-{self.identity}"

    @property
    def cgroup(self) -> str:
        """Control group that all pods are below."""
        return f"tflite-operator-dev-{self.identity}"

    @property
    def mark(self) -> str:
        """Argument and comment by which our processes and firewall rules are recognised."""
        return f"tflite-operator-dev:{self.identity}"
