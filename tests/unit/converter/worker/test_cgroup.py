"""The kernel's files about memory, in both versions of control groups."""

from pathlib import Path

import pytest

from tflite_converter.core.units import bytes_in_words, quantity_in_words
from tflite_converter.worker.cgroup import MemoryGroup


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize("path", ["", "kubepods/pod/container"])
def test_version_2(tmp_path: Path, path: str) -> None:
    write(tmp_path / "mount" / path, memory__max="536870912\n", memory__events="low 0\noom 3\noom_kill 2\n")
    (tmp_path / "self").write_text("0::/kubepods/pod/container\n")
    group = MemoryGroup.of_this_process(tmp_path / "mount", tmp_path / "self")
    assert group is not None
    assert (group.limit(), group.kills()) == (512 * 1024**2, 2)


@pytest.mark.parametrize("path", ["", "docker/abc"])
def test_version_1(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "mount" / "memory" / path
    write(folder, memory__limit_in_bytes="1073741824\n", memory__oom_control="oom_kill_disable 0\noom_kill 1\n")
    (tmp_path / "self").write_text("5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n")
    group = MemoryGroup.of_this_process(tmp_path / "mount", tmp_path / "self")
    assert group is not None
    assert (group.limit(), group.kills()) == (1024**3, 1)


@pytest.mark.parametrize(
    ("name", "text"), [("memory.max", "max\n"), ("memory.limit_in_bytes", "9223372036854771712\n")]
)
def test_no_limit(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    group = MemoryGroup(tmp_path, 2 if name == "memory.max" else 1)
    assert group.limit() is None
    assert group.kills() is None


def test_no_group(tmp_path: Path) -> None:
    assert MemoryGroup.of_this_process(tmp_path, tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("count", "words"), [(512 * 1024**2, "512Mi"), (3 * 1024**3, "3Gi"), (1536 * 1024**2, "1536Mi"), (1000, "1000")]
)
def test_a_limit_reads_as_it_was_written(count: int, words: str) -> None:
    assert quantity_in_words(count) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**50, "1024.0 TiB")])
def test_amounts_read_well(count: int, words: str) -> None:
    assert bytes_in_words(count) == words
