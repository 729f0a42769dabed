"""Whatever a tool does with a hostile file, it does in its own process, within bounds."""

import os
import time
from pathlib import Path

import pytest

from dev.host.checkout import Checkout
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.targets import tool_process
from tflite_converter.targets.tool_process import Tool
from tflite_converter.targets.tools import bounds

TOOL = Tool("tflite-micro", "tests.unit.converter.targets.naughty_tool", "naughty", "nobody")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool of these tests is found by its process, whichever Python runs it."""
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Checkout.here().root), *([known] if known else [])]))


def run(folder: Path, *arguments: str) -> tool_process.ToolEnd:
    return tool_process.run(TOOL, arguments, folder)


def test_a_tool_that_is_not_installed_says_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(StepFailure) as caught:
        tool_process.run(Tool("no-such-package", "json", "Nothing", "Linux on x86-64 alone"), [], tmp_path)
    assert caught.value.reason is Reason.TARGET_UNMET
    assert "Nothing is not installed beside this converter: PyPI has no-such-package for Linux" in caught.value.message
    assert "leave out the target" in caught.value.message


def test_memory_is_bounded(tmp_path: Path) -> None:
    end = run(tmp_path, "allocate")
    assert not end.succeeded
    assert "MemoryError" in end.words


def test_files_are_bounded(tmp_path: Path) -> None:
    end = run(tmp_path, "write")
    assert not end.succeeded
    assert "File too large" in end.words


def test_a_crash_is_named_by_its_signal(tmp_path: Path) -> None:
    assert "ended by SIGSEGV" in run(tmp_path, "crash").words


def test_time_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SECONDS", 1)
    started = time.monotonic()
    end = run(tmp_path, "hang")
    assert end.status is None
    assert end.words == "took longer than 1 s"
    assert time.monotonic() - started < 30


def test_what_it_prints_is_cut_and_made_printable(tmp_path: Path) -> None:
    end = run(tmp_path, "shout")
    assert end.succeeded
    assert len(end.said) <= 1024**2
    assert "\x1b" not in end.said
    assert end.said.endswith("last words")


def test_it_sees_no_variable_that_it_does_not_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "secret" not in run(tmp_path, "environment").said
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "secret"
