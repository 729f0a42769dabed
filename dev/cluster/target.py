"""Whose cluster `make demo` and `make e2e` use: the throw-away one, or one that was named explicitly.

A demo that installs a CRD into whatever KUBECONFIG happens to point at would sooner or later do it in
production. So a foreign cluster is used only when its context is named in a variable that is not set by
accident.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.host.errors import DevError

NEEDED = (
    "OPERATOR_IMAGE",
    "CONVERTER_IMAGE",
    "S3_ENDPOINT",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "HUB_URL",
    "HUB_DIR",
)


@dataclass(frozen=True)
class Own:
    """The throw-away cluster of this checkout."""


@dataclass(frozen=True)
class Given:
    """A cluster that is there already."""

    kubeconfig: str
    context: str


def decide(variables: Mapping[str, str], cache: Path) -> Own | Given:
    """Return whose cluster the variables ask for. Pure.

    Raises:
        DevError: a cluster is given, but not in full; the message names what to set.
    """
    kubeconfig, context = variables.get("KUBECONFIG", ""), variables.get("KUBE_CONTEXT", "")
    if is_ours(kubeconfig, cache) or not (kubeconfig or context):
        return Own()
    if not kubeconfig:
        raise DevError("KUBE_CONTEXT is set and KUBECONFIG is not: set KUBECONFIG too, or unset KUBE_CONTEXT")
    if not context:
        raise DevError(
            f"KUBECONFIG is set ({kubeconfig}). To use that cluster, name its context: KUBE_CONTEXT=...; "
            "to use the throw-away cluster, unset KUBECONFIG"
        )
    absent = [name for name in NEEDED if not variables.get(name)]
    if absent:
        raise DevError(f"to use the context {context} of {kubeconfig}, set also: {', '.join(absent)}")
    return Given(kubeconfig, context)


def is_ours(kubeconfig: str, cache: Path) -> bool:
    """Return whether KUBECONFIG is what `make env` of this very checkout printed."""
    return bool(kubeconfig) and Path(kubeconfig).resolve().is_relative_to(cache.resolve())
