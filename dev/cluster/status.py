"""What runs here, for a person."""

from dev.cluster import record
from dev.cluster.lifecycle import DAEMONS
from dev.daemons import hub, storage
from dev.daemons.node import Node
from dev.host.checkout import Checkout
from dev.host.processes import PROC, Process
from dev.isolation import namespaces


def text(checkout: Checkout) -> str:
    """Return what `make status` prints."""
    now, inside = record.read(checkout.run), namespaces.find(checkout)
    if now is None or inside is None:
        return "nothing runs here; make up starts it\n"
    lines = ["" if now.complete else "make up did not finish; run it again"]
    for name in DAEMONS:
        process = now.processes.get(name)
        lines.append(f"{name:<24} {_state(process)}")
    lines += [
        "",
        f"API server   https://{now.addresses.node}:6443   (KUBECONFIG={checkout.kubeconfig})",
        f"S3           {storage.endpoint(now.addresses)}",
        f"Hub          http://{now.addresses.node}:{hub.PORT}   (serves {checkout.hub})",
        f"logs         {checkout.logs}",
        "",
    ]
    node = Node(inside)
    if node.is_ready():
        lines += [f"image {name}   {digest[:19]}" for name, digest in node.image_digests().items() if ":dev" in name]
    return "\n".join(lines).lstrip("\n") + "\n"


def _state(process: Process | None) -> str:
    if process is None:
        return "stopped"
    if not process.is_alive():
        return f"ended (was process {process.pid}); make up starts it again"
    return f"runs, process {process.pid}, {_resident_mib(process.pid)} MiB"


def _resident_mib(pid: int) -> int:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0
