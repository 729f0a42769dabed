"""What `make` builds while the Python environment is made: what its own cluster needs, and nothing for another."""

from contextlib import nullcontext

import pytest

from dev import __main__ as verbs
from dev.building import binaries, images
from dev.cluster.target import NEEDED
from dev.host import lock, prerequisites
from dev.host.errors import DevError


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was built."""
    found: list[str] = []
    monkeypatch.setattr(prerequisites, "ensure", lambda _: None)
    monkeypatch.setattr(lock, "of_checkout", lambda _: nullcontext())
    monkeypatch.setattr(images, "make", lambda _: found.append("images"))
    monkeypatch.setattr(binaries, "make", lambda _: found.append("programs"))
    for name in ("KUBECONFIG", "KUBE_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return found


def test_programs_and_images_are_built_for_the_cluster_of_the_checkout(made: list[str]) -> None:
    assert verbs.main(["build"]) == 0
    assert sorted(made) == ["images", "programs"]


def test_nothing_is_built_for_a_cluster_that_is_given(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "KUBE_CONTEXT", *NEEDED):
        monkeypatch.setenv(name, "given")
    assert verbs.main(["build"]) == 0
    assert made == []


def test_a_cluster_that_is_named_by_halves_is_for_others_to_complain_of(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "given")
    assert verbs.main(["build"]) == 0
    assert made == []


def test_images_that_cannot_be_built_are_said(
    made: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise DevError("no base image")

    monkeypatch.setattr(images, "make", fail)
    assert verbs.main(["build"]) == 1
    assert "no base image" in capsys.readouterr().err
    assert made == ["programs"]
