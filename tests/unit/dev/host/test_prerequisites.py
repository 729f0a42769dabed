"""All that a machine lacks is said at once; what apt has is only installed if absent."""

from dataclasses import replace
from pathlib import Path

import pytest

from dev.host.prerequisites import PACKAGES, Machine, distributions, missing, os_release, parse_go_version, to_install

GOOD = Machine(
    distribution=frozenset({"debian"}),
    release="trixie",
    is_root=True,
    python=(3, 12),
    has_venv=True,
    go=(1, 26),
    go_fetches_itself=False,
    found=frozenset(PACKAGES),
)


def test_good_machine_lacks_nothing() -> None:
    assert missing(GOOD) == []
    assert to_install(GOOD) == []


def test_everything_is_said_at_once() -> None:
    bad = replace(GOOD, distribution=frozenset({"fedora"}), is_root=False, python=(3, 10), go=None)
    said = missing(bad)
    assert [line.split()[0] for line in said] == ["Debian", "root", "Python", "Go"]
    assert "3.10" in said[2]


@pytest.mark.parametrize(
    ("go", "fetches", "enough"),
    [((1, 25), False, True), ((1, 24), False, False), ((1, 24), True, True), ((1, 20), True, False)],
)
def test_go_version(go: tuple[int, int], fetches: bool, enough: bool) -> None:
    assert (missing(replace(GOOD, go=go, go_fetches_itself=fetches)) == []) is enough


def test_only_what_is_absent_is_installed() -> None:
    machine = replace(GOOD, found=frozenset(PACKAGES) - {"runc", "/usr/lib/cni/bridge"}, has_venv=False)
    assert to_install(machine) == ["runc", "containernetworking-plugins", "python3.12-venv"]


def test_ubuntu_is_not_asked_for_what_it_has_as_a_snap() -> None:
    lacking = replace(GOOD, found=frozenset(PACKAGES) - {"chromium"})
    assert to_install(lacking) == ["chromium"]
    assert to_install(replace(lacking, distribution=frozenset({"ubuntu", "debian"}))) == []


@pytest.mark.parametrize(("release", "expected"), [("bookworm", []), ("trixie", ["netavark"]), ("noble", ["netavark"])])
def test_netavark_is_installed_where_buildah_has_nothing_else(release: str, expected: list[str]) -> None:
    lacking = replace(GOOD, release=release, found=frozenset(PACKAGES) - {"/usr/lib/podman/netavark"})
    assert to_install(lacking) == expected


@pytest.mark.parametrize(
    ("text", "version"),
    [("go1.26.8", (1, 26)), ("go1.25", (1, 25)), ("go1.26rc1", (1, 26)), ("devel", None), ("", None)],
)
def test_parse_go_version(text: str, version: tuple[int, int] | None) -> None:
    assert parse_go_version(text) == version


def test_distributions(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    assert distributions(os_release(file)) == []
    file.write_text('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n')
    assert distributions(os_release(file)) == ["linuxmint", "ubuntu", "debian"]
