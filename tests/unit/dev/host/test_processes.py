"""A recorded process is watched and ended; another that got its id is not."""

import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from dev.host.processes import Process, Stat, is_same, parse_stat


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_program_name_with_brackets_and_blanks() -> None:
    fields = ["S", "7", *["0"] * 17, "4711", "0"]
    assert parse_stat(f"12 (a) S 9 (b c) {' '.join(fields)}\n") == Stat("S", 7, 4711)


@pytest.mark.parametrize(
    ("stat", "same"),
    [
        (Stat("S", 1, 10), True),
        (Stat("S", 1, 11), False),  # the id was used again
        (Stat("Z", 1, 10), False),  # has ended, not collected yet
        (None, False),
    ],
)
def test_is_same(stat: Stat | None, same: bool) -> None:
    assert is_same(10, stat) is same


def test_running_process_is_found_and_stopped(sleeper: subprocess.Popen[bytes]) -> None:
    process = Process.of(sleeper.pid)
    assert process is not None
    assert process.is_alive()
    process.stop(grace=5)
    assert not process.is_alive()
    assert sleeper.wait() == -signal.SIGTERM


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}])
def test_another_with_the_same_id_is_left_alone(sleeper: subprocess.Popen[bytes], change: dict[str, object]) -> None:
    process = Process.of(sleeper.pid)
    assert process is not None
    recorded = dataclasses.replace(process, **change)  # type: ignore[arg-type]
    assert not recorded.is_alive()
    recorded.signal(signal.SIGKILL)
    assert sleeper.poll() is None
    assert process.is_alive()


def test_no_such_process() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert Process.of(ended.pid) is None
    Process(ended.pid, 1, "boot").signal(signal.SIGKILL)


def test_own_process() -> None:
    me = Process.of(os.getpid())
    assert me is not None
    assert me.is_alive()
