"""Whose cluster is used."""

from pathlib import Path

import pytest

from dev.cluster.target import NEEDED, Given, Own, decide
from dev.host.errors import DevError

CACHE = Path("/checkout/.cache")
COMPLETE = {"KUBECONFIG": "/home/me/.kube/config", "KUBE_CONTEXT": "kind-try", **dict.fromkeys(NEEDED, "given")}


def test_nothing_set_means_our_own() -> None:
    assert decide({}, CACHE) == Own()


def test_what_make_env_exported_means_our_own() -> None:
    assert decide({"KUBECONFIG": "/checkout/.cache/run/kubeconfig", "OPERATOR_IMAGE": "x"}, CACHE) == Own()


@pytest.mark.parametrize(
    "kubeconfig",
    ["/home/me/.kube/config", "/other/.cache/run/kubeconfig", "/checkout/.cache/../kubeconfig", "/checkout/.cache2/x"],
)
def test_foreign_cluster_without_a_context_is_refused(kubeconfig: str) -> None:
    with pytest.raises(DevError, match="KUBE_CONTEXT="):
        decide({**COMPLETE, "KUBECONFIG": kubeconfig, "KUBE_CONTEXT": ""}, CACHE)


def test_context_without_kubeconfig_is_refused() -> None:
    with pytest.raises(DevError, match="set KUBECONFIG too"):
        decide({"KUBE_CONTEXT": "kind-try"}, CACHE)


def test_foreign_cluster_named_in_full_is_used() -> None:
    assert decide(COMPLETE, CACHE) == Given("/home/me/.kube/config", "kind-try")


@pytest.mark.parametrize("name", NEEDED)
def test_each_absent_variable_is_named(name: str) -> None:
    with pytest.raises(DevError, match=rf"set also: {name}$"):
        decide({**COMPLETE, name: ""}, CACHE)
