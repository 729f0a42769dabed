"""What the machine must have: names everything that is missing at once, and installs what apt has.

Runs before anything else, with whatever Python there is, so on the standard library alone.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.host import commands
from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.progress import say, step

_LIBRARIES = f"/usr/lib/{platform.machine()}-linux-gnu"

# What to look for, and the Debian package that brings it.
PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    # Without it buildah makes no container, even where no step of a build has a network.
    "/usr/lib/podman/netavark": "netavark",
    "skopeo": "skopeo",
    "debootstrap": "debootstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "conntrack": "conntrack",
    "socat": "socat",
    # Flux fetches from its own server in `make gitops`.
    "git": "git",
    "openssl": "openssl",
    "mount": "mount",
    "nsenter": "util-linux",
    # MediaPipe's library, by which tests read metadata back, is linked with them.
    f"{_LIBRARIES}/libEGL.so.1": "libegl1",
    f"{_LIBRARIES}/libGLESv2.so.2": "libgles2",
    # Tests look at the report page in it.
    "chromium": "chromium",
}
_SNAPS = frozenset({"chromium"})
"""What Ubuntu has as snaps alone, which need a running snapd."""
_CNI_RELEASES = frozenset({"bookworm"})
"""Whose buildah sets networks up with CNI, and needs no netavark."""
PYTHONS = ((3, 11), (3, 12), (3, 13))
"""What the project supports, from the oldest (pyproject.toml, requires-python)."""
GO = (1, 25)


@dataclass(frozen=True)
class Machine:
    """What was found."""

    distribution: frozenset[str]
    release: str
    """Its code name."""
    is_root: bool
    python: tuple[int, int]
    has_venv: bool
    go: tuple[int, int] | None
    go_fetches_itself: bool
    found: frozenset[str]
    """Which of PACKAGES' keys are there."""


def missing(machine: Machine) -> list[str]:
    """Return what the user has to install or change. Pure."""
    problems = []
    if not machine.distribution & {"debian", "ubuntu"}:
        problems.append("Debian or Ubuntu (packages are installed with apt-get)")
    if not machine.is_root:
        problems.append("root (namespaces, mounts and containers are made): sudo make ...")
    if machine.python not in PYTHONS:
        found = ".".join(map(str, machine.python))
        problems.append(f"Python 3.11, 3.12 or 3.13 (this is {found}): make PYTHON3=/path/to/python3.12 ...")
    if machine.go is None:
        problems.append("Go 1.25 or newer: https://go.dev/dl")
    elif machine.go < GO and not (machine.go_fetches_itself and machine.go >= (1, 21)):
        problems.append(f"Go 1.25 or newer (this is {machine.go[0]}.{machine.go[1]}): https://go.dev/dl")
    return problems


def to_install(machine: Machine) -> list[str]:
    """Return the packages that apt-get has to install. Pure."""
    needless = _SNAPS if "ubuntu" in machine.distribution else frozenset()
    if machine.release in _CNI_RELEASES:
        needless |= {"netavark"}
    wanted = [package for key, package in PACKAGES.items() if key not in machine.found and package not in needless]
    if not machine.has_venv:
        wanted.append(f"python{machine.python[0]}.{machine.python[1]}-venv")
    return wanted


def look() -> Machine:
    """Return what this machine has."""
    told = os_release(Path("/etc/os-release"))
    return Machine(
        distribution=frozenset(distributions(told)),
        release=told.get("VERSION_CODENAME", ""),
        is_root=os.geteuid() == 0,
        python=(sys.version_info.major, sys.version_info.minor),
        has_venv=_has_venv(),
        go=_go_version(),
        go_fetches_itself=_go("env", "GOTOOLCHAIN") != "local",
        found=frozenset(key for key in PACKAGES if _is_there(key)),
    )


def os_release(path: Path) -> dict[str, str]:
    """Read what a distribution says of itself; nothing where it does not."""
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value.strip("\"'") for name, _, value in lines}


def distributions(told: Mapping[str, str]) -> list[str]:
    """Return the names of a distribution and of those it is made from. Pure."""
    return [name for name in (told.get("ID", ""), *told.get("ID_LIKE", "").split()) if name]


def ensure(checkout: Checkout) -> None:
    """Install what apt has.

    Raises:
        DevError: the machine lacks other things; the message lists all of them.
    """
    machine = look()
    problems = missing(machine)
    if problems:
        raise DevError("this machine lacks:\n" + "\n".join(f"  - {problem}" for problem in problems))
    packages = to_install(machine)
    if packages:
        _install(packages, checkout.cache / "log")


def _install(packages: list[str], logs: Path) -> None:
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {', '.join(packages)}"):
        try:
            commands.run(["apt-get", "update", "-q"], logs / "apt-update.log", environment=quiet)
        except DevError:
            # One dead source of many is common and need not matter; if it does, the next command says so.
            say(f"apt-get update had errors ({logs / 'apt-update.log'}); going on")
        argv = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
        commands.run(argv, logs / "apt-install.log", environment=quiet)


def _is_there(key: str) -> bool:
    # iptables and others are in sbin, which not every root's PATH has.
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return Path(key).exists() if key.startswith("/") else shutil.which(key, path=path) is not None


def _has_venv() -> bool:
    # Debian splits `ensurepip` off; `venv` alone imports and then fails.
    argv = [sys.executable, "-c", "import ensurepip, venv"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def _go(*argv: str) -> str:
    go = shutil.which("go")
    if go is None:
        return ""
    return subprocess.run([go, *argv], check=False, capture_output=True, text=True, cwd="/").stdout.strip()


def _go_version() -> tuple[int, int] | None:
    return parse_go_version(_go("env", "GOVERSION"))


def parse_go_version(text: str) -> tuple[int, int] | None:
    """Read `go1.26.8`, `go1.26` or `go1.26rc1`."""
    found = re.match(r"go(\d+)\.(\d+)", text)
    return None if found is None else (int(found[1]), int(found[2]))


if __name__ == "__main__":
    try:
        ensure(Checkout.here())
    except DevError as error:
        say(str(error))
        sys.exit(1)
