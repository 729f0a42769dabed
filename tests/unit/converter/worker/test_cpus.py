"""The kernel's files about CPUs, in both versions of control groups."""

import os
from pathlib import Path

import pytest

from tests.unit.converter.worker.test_cgroup import write
from tflite_converter.worker import cpus

GIVEN = len(os.sched_getaffinity(0))


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    (tmp_path / "self").write_text("0::/pod/container\n")
    return tmp_path / "mount"


@pytest.mark.parametrize(
    ("text", "found"), [("150000 100000\n", 1.5), ("max 100000\n", 8), ("1600000 100000\n", 8), ("junk", 8), ("", 8)]
)
@pytest.mark.parametrize("path", ["", "pod", "pod/container"])
def test_the_quota_of_any_group_that_holds_the_process_counts(mount: Path, path: str, text: str, found: float) -> None:
    write(mount / path, cpu__max=text)
    assert cpus.available(mount, mount.parent / "self") == found


def test_version_1(mount: Path) -> None:
    (mount.parent / "self").write_text("5:cpu,cpuacct:/x\n4:memory:/docker/abc\n")
    write(mount / "cpu" / "x", cpu__cfs_quota_us="50000\n", cpu__cfs_period_us="100000\n")
    write(mount / "cpu", cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    assert cpus.available(mount, mount.parent / "self") == 0.5


def test_the_narrowest_counts(mount: Path) -> None:
    write(mount / "pod", cpu__max="300000 100000\n")
    write(mount / "pod" / "container", cpu__max="200000 100000\n")
    assert cpus.available(mount, mount.parent / "self") == 2


def test_no_group(tmp_path: Path) -> None:
    assert cpus.available(tmp_path, tmp_path / "absent") == GIVEN
    assert 0 < cpus.available() <= GIVEN
