"""When the API server serves the resources of a CustomResourceDefinition."""

import time
from collections.abc import Iterable
from typing import Final

from dev.testing.kubectl import Kubectl, Object

_PAUSE_SECONDS: Final = 0.2


def established(definition: Object) -> bool:
    """Return whether the API server says that it serves a definition, as it was read from there.

    The conditions of a definition that was just created are null, not absent.
    """
    conditions: list[Object] = definition.get("status", {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def wait_until_served(kubectl: Kubectl, names: Iterable[str], within: float = 60) -> None:
    """Wait until definitions are established.

    `kubectl wait --for=condition=Established` fails at once on one whose conditions are still null
    (kubernetes/kubernetes#66439), so this reads them.

    Args:
        kubectl: of the cluster.
        names: of the definitions, such as `tfliteconversions.tflite-operator.dev`.
        within: seconds, for all of them.

    Raises:
        TimeoutError: they are not established in time; the message has their names and conditions.
    """
    deadline = time.monotonic() + within
    waiting = sorted(names)
    while True:
        found = {name: kubectl.get(f"crd/{name}") for name in waiting}
        waiting = [name for name, definition in found.items() if not established(definition)]
        if not waiting:
            return
        if time.monotonic() > deadline:
            seen = "; ".join(f"{name}: {found[name].get('status')}" for name in waiting)
            raise TimeoutError(f"not established within {within:g} s: {seen}")
        time.sleep(_PAUSE_SECONDS)
