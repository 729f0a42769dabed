"""What `tflite-convert` says to people: help, completion, colours, and what to write instead of what is wrong."""

import errno
import json
import os
import pty
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from dev.generate import cli_page
from tflite_converter.cli.app import app

COMMANDS = ("inspect", "init", "run", "compare", "verify-attestation")
STEPS = ("prepare", "convert", "publish", "cleanup")
_PLAIN = re.compile(r"[│╭╮╰╯─]")


def said(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program, and give its end with what it printed in one line."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "GITHUB_ACTIONS"}}
    command = [sys.executable, "-m", "tflite_converter", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**kept, "COLUMNS": "200", **environment}
    )
    done.stdout, done.stderr = (" ".join(_PLAIN.sub(" ", text).split()) for text in (done.stdout, done.stderr))
    return done


def test_the_page_of_the_commands_is_current() -> None:
    assert cli_page.PAGE.read_text() == cli_page.page(), "run python -m dev.generate.cli_page"


def test_the_page_has_every_command_for_people_and_no_step() -> None:
    page = cli_page.page()
    names = {command.name for command in app.registered_commands if not command.hidden}
    assert names >= set(COMMANDS)
    assert all(f"## `tflite-convert {name}`\n" in page for name in names)
    assert not any(f"tflite-convert {step}" in page for step in STEPS)
    assert all(f"| `{field}` |" in page for field in ("operations", "verdict", "referenceKey", "snrDecibels"))


def test_help_lists_the_commands_and_the_exit_codes() -> None:
    done = said("--help")
    assert done.returncode == 0
    assert all(re.search(rf"\b{name}\b", done.stdout) for name in COMMANDS)
    assert "Exit codes: 0 done" in done.stdout
    assert not any(re.search(rf"\b{step}\b", done.stdout) for step in ("prepare", "publish"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_says_how_it_exits(command: str) -> None:
    done = said(command, "-h")
    assert done.returncode == 0
    assert "Exits with 0" in done.stdout


def test_there_are_no_colours_but_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("no archive")
    inspect = ("inspect", str(tmp_path / "model.txt"))
    assert "\x1b" not in said(*inspect).stdout
    assert "\x1b" in said(*inspect, FORCE_COLOR="1").stdout
    assert "\x1b[3" not in said(*inspect, FORCE_COLOR="1", NO_COLOR="1").stdout


def shown_on_a_terminal(*arguments: str, **environment: str) -> str:
    """Run the program with a terminal for its output, and give what that got."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tflite_converter", *arguments]
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm", **environment}):
        os.close(theirs)
        parts = list(iter(partial(_read, ours), b""))
    os.close(ours)
    return b"".join(parts).decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError as error:
        # How Linux says that nobody has the terminal open any more (man 4 pts).
        assert error.errno == errno.EIO
        return b""


def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("no archive")
    inspect = ("inspect", str(tmp_path / "model.txt"))
    assert "\x1b[31m" in shown_on_a_terminal(*inspect)
    assert "\x1b[3" not in shown_on_a_terminal(*inspect, NO_COLOR="1")
    assert "\x1b" not in said(*inspect).stdout


def test_a_shell_completes_commands_and_options() -> None:
    completion = {"_TFLITE_CONVERT_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "tflite-convert "}
    completed = set(said(**completion).stdout.split())
    assert completed >= set(COMMANDS)
    assert not completed & set(STEPS)
    options = {"COMP_CWORD": "2", "COMP_WORDS": "tflite-convert inspect --"}
    assert "--json" in said(**completion | options).stdout.split()
    # Typer would look for the shell among the processes above, and there may be none: under nohup, or in a service.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "complete_bash" in said("--show-completion", "bash", **named).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("inspect", "no-such-folder"), "no-such-folder here: write one that is, or an address such as https://"),
        (("inspect", "ftp://example.com/model"), "or file:/// and the absolute path of a SavedModel folder or archive"),
        (("inspect", "https://example.com/model/1#a"), "without user, query or fragment"),
        (("inspect", "https://example.com/model/1", "--tag", "a", "--tag", "a"), "names a tag twice: write each once"),
        (("inspect", "s3://training"), "names no archive and no folder in the bucket: write for example s3://"),
        (("inspect", "s3://training/a", "--model-endpoint", "s3.example.com"), "Invalid value for --model-endpoint"),
        (("inspect", "https://example.com/model/1", "--model-region", "eu"), "leave them out for this one"),
        (("init", "https://example.com/model/1", "--bucket", "A", "-o", "-"), "spec.destination.s3.bucket"),
        (("init", "https://example.com/model/1", "--name", "Ab", "-o", "-"), "metadata.name must hold only"),
        (("init", "https://example.com/model/1", "-o", __file__), "is there already: choose another, or add --force"),
        (("compare", __file__, "b.tflite"), "is no TensorFlow Lite file"),
        (("compare", "a.tflite", "b.tflite"), "'a.tflite' does not exist"),
        (("compare", __file__, "b.tflite", "--metric", "R2,output=y,labels=z"), "is no TensorFlow Lite file"),
        (("isnpect", "model"), "Did you mean"),
        (("run", "-f", "a.yaml", "-o", "b", "--baseline", "absent.tflite"), "'absent.tflite' does not exist"),
    ],
)
def test_a_wrong_command_line_is_told_what_to_write_instead(arguments: tuple[str, ...], words: str) -> None:
    done = said(*arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("count", "baseline", "words"),
    [
        (1, "Published", "is no TensorFlow Lite file: write the path of one"),
        (1, "Model", "no metric of c0 has baseline: Published"),
        (2, "Published", "it is for a file with one conversion, and this has 2"),
    ],
)
def test_a_baseline_that_cannot_be_one_is_told_before_anything_runs(
    tmp_path: Path, count: int, baseline: str, words: str
) -> None:
    metric = {"name": "R2", "output": "y", "labels": "label", "maxDrop": "0", "baseline": baseline}
    spec = {
        "model": {"handle": tmp_path.as_uri()},
        "verification": {"samples": {"dataset": (tmp_path / "d.npz").as_uri()}, "metrics": [metric]},
    }
    kind = {"apiVersion": "tflite-operator.dev/v1alpha1", "kind": "TFLiteConversion"}
    resources = [{**kind, "metadata": {"name": f"c{number}"}, "spec": spec} for number in range(count)]
    file = tmp_path / "conversions.yaml"
    file.write_text("\n---\n".join(map(json.dumps, resources)))
    done = said("run", "-f", str(file), "-o", str(tmp_path / "out"), "--baseline", str(file))
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_fetched_ends_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("no archive")
    done = said("inspect", str(tmp_path / "model.txt"), "--json")
    assert done.returncode == 3
    assert '"outcome": "STALLED"' in done.stdout
    assert '"reason": "NotASavedModel"' in done.stdout
