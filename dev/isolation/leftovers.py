"""Removes what a cluster leaves on the machine: this checkout's, or that of one that no longer exists."""

import json
import shutil
from pathlib import Path

from dev.host import files
from dev.host.checkout import MACHINE_WIDE, Checkout
from dev.host.progress import say
from dev.isolation import cgroups, namespaces, network

FORWARDING = "forwarding-was-off"


def register(checkout: Checkout) -> None:
    """Record, outside the checkout, that it is about to put things on the machine."""
    files.write(checkout.machine_wide / "owner.json", json.dumps({"checkout": str(checkout.home)}) + "\n")


def note_forwarding(checkout: Checkout) -> None:
    """Remember that the machine's forwarding was switched on by us."""
    files.write(checkout.machine_wide / FORWARDING, "")


def clear(checkout: Checkout) -> bool:
    """End a checkout's cluster and remove all of it outside its folder; return whether it ran."""
    ran = namespaces.end(checkout)
    network.disconnect(checkout)
    cgroups.remove(checkout)
    if (checkout.machine_wide / FORWARDING).exists():
        # Another cluster may need it by now; then it is left on, for that one to switch off.
        others = [owner for owner in owners() if owner.identity != checkout.identity]
        if others:
            note_forwarding(others[0])
        else:
            network.FORWARDING.write_text("0")
    shutil.rmtree(checkout.machine_wide, ignore_errors=True)
    return ran


def owners() -> list[Checkout]:
    """Return the checkouts that have registered."""
    found = []
    for file in sorted(MACHINE_WIDE.glob("*/owner.json")):
        checkout = Checkout(Path(json.loads(file.read_text())["checkout"]))
        if checkout.machine_wide == file.parent:
            found.append(checkout)
    return found


def sweep(here: Checkout) -> None:
    """Remove what belongs to no existing checkout.

    A checkout whose folder is still there is left alone, whether its cluster runs or not: it may be coming up,
    and its own `make down` can clear it away. One that was deleted can never do that.
    """
    for owner in owners():
        if owner.identity != here.identity and not owner.root.exists():
            say(f"clearing away the cluster of {owner.root}, which was deleted")
            clear(owner)
