"""The Linux namespaces that the whole cluster lives in.

Every daemon and every container is inside one PID, one mount and one network namespace. Their first process
is `pause`, with the checkout's mark as its argument. When it ends, the kernel itself ends every other process
inside, drops every mount, the bridge and all iptables rules: cleaning up cannot be incomplete, and nothing on
the machine outside can be taken for ours by mistake.

The mark in the command line is the only record of what to end. It is there from the first instant, so `up`
being killed between starting something and writing it down leaves nothing that is not found.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.processes import Process, all_pids, arguments, only_child

# Run inside the new namespaces, before anything else. `/run` is fresh and private: sockets there have short
# paths and go away by themselves.
PREPARE = """
set -e
mark=$1 pause=$2 state=$3
bind() { mkdir -p "$state/$1" "$2"; mount --bind "$state/$1" "$2"; }
mount -t tmpfs -o mode=755 tmpfs /run
bind run/configuration/cni /run/cni
bind run/kubelet /var/lib/kubelet
bind run/log/pods /var/log/pods
bind run/log/containers /var/log/containers
bind run/cni /var/lib/cni
bind containerd /var/lib/containerd
mount --make-rshared /
ip link set lo up
exec "$pause" "$mark"
"""


@dataclass(frozen=True)
class Namespaces:
    """Running namespaces, named by their first process."""

    first: Process

    def command(self, *argv: str) -> list[str]:
        """Return the command that runs another one inside."""
        return ["nsenter", f"--target={self.first.pid}", "--pid", "--mount", "--net", "--", *argv]

    def spawn(self, argv: list[str], log: Path, environment: dict[str, str] | None = None) -> Process:
        """Start a daemon inside; return the daemon itself, not the `nsenter` that waits for it."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            entering = subprocess.Popen(
                self.command(*argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        child = only_child(entering.pid)
        process = None if child is None else Process.of(child)
        if process is None:
            raise DevError(f"{argv[0]} ended at once; its output is in {log}")
        return process


def is_marked(argv: list[str], mark: str) -> bool:
    """Return whether a command line is that of the namespaces' first process or of what makes it."""
    return bool(argv) and Path(argv[0]).name in {"unshare", "sh", "pause"} and mark in argv[1:]


def find(checkout: Checkout) -> Namespaces | None:
    """Return the running namespaces of a checkout, or None."""
    for pid, argv in _marked(checkout).items():
        if Path(argv[0]).name == "pause":
            first = Process.of(pid)
            return None if first is None else Namespaces(first)
    return None


def start(checkout: Checkout) -> Namespaces:
    """Make the namespaces, which must not exist yet."""
    log = checkout.logs / "namespaces.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = ["unshare", "--pid", "--mount", "--net", "--fork", "--mount-proc", "--"]
    argv += ["sh", "-c", PREPARE, "prepare", checkout.mark, str(checkout.bin / "pause"), str(checkout.cache)]
    with log.open("ab") as output:
        unshare = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and unshare.poll() is None:
        namespaces = find(checkout)
        if namespaces is not None:
            return namespaces
        time.sleep(0.01)
    raise DevError(f"no namespaces of our own (unshare):\n{log.read_text()[-2000:]}")


def end(checkout: Checkout) -> bool:
    """End everything inside and wait until it is gone; return whether there was anything."""
    found = [process for pid in _marked(checkout) if (process := Process.of(pid))]
    for process in found:
        process.signal(signal.SIGKILL)
    for process in found:
        if not process.wait_gone(20):
            raise DevError(f"process {process.pid} does not end; the kernel's log may say why (dmesg)")
    return bool(found)


def _marked(checkout: Checkout) -> dict[int, list[str]]:
    # Each command line is read once: the process may be another program, or gone, when it is read again.
    lines = {pid: arguments(pid) for pid in all_pids()}
    return {pid: argv for pid, argv in lines.items() if is_marked(argv, checkout.mark)}
