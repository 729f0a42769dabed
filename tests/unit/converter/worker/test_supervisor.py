"""A child's end becomes a reason, whatever the end."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tflite_api.explanations import explained
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.worker import supervisor
from tflite_converter.worker.messages import REPORT_BYTES, ChildFailure
from tflite_converter.worker.process import Child, environment
from tflite_converter.worker.supervisor import ChildEnd, Listener, explain

QUIET = Listener(lambda _: None, lambda _: None)


def run(code: str, timeout: float | None = None) -> ChildEnd:
    program = f"import os, sys, signal\nreport = int(sys.argv[1])\n{code}"
    with Child([sys.executable, "-c", program]) as child:
        return supervisor.run(child, b'{"order": 1}', QUIET, timeout)


def failure(code: str, timeout: float | None = None) -> StepFailure:
    found = explain(run(code, timeout), None)
    assert found is not None
    return found


def test_a_child_that_does_its_work_is_no_failure() -> None:
    assert explain(run("assert sys.stdin.read() == '{\"order\": 1}'"), None) is None


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_signal_is_named(number: signal.Signals) -> None:
    found = failure(f"print('last words', flush=True); os.kill(os.getpid(), {int(number)})")
    assert found.reason is Reason.CONVERSION_CRASHED
    assert number.name in found.message
    assert "last words" in found.message


@pytest.mark.parametrize(
    "code",
    [
        "sys.exit(1)",
        'os.write(report, b\'{"failure": "no object"}\\n\'); sys.exit(1)',
        "os.write(report, b'\\xff\\xfe rubbish\\n'); sys.exit(1)",
        'os.write(report, b\'{"failure": {"reason": "Converted", "message": ""}}\\n\'); sys.exit(1)',
        'os.write(report, b\'{"failure": {"reason": "StorageUnavailable", "message": ""}}\\n\'); sys.exit(1)',
        'os.write(report, b\'{"failure": {"reason": "NoSuchReason", "message": ""}}\\n\'); sys.exit(1)',
    ],
)
def test_an_end_without_a_sensible_report_is_a_crash(code: str) -> None:
    assert failure(code).reason is Reason.CONVERSION_CRASHED


def test_a_report_without_end_is_not_taken_in() -> None:
    late = 'b\'{"failure": {"reason": "InputNotFound", "message": "late"}}\\n\''
    code = f"for _ in range(100): os.write(report, b'x' * {REPORT_BYTES // 4} + b'\\n')\nos.write(report, {late})"
    assert failure(f"{code}\nsys.exit(1)").reason is Reason.CONVERSION_CRASHED


def test_a_reported_failure_is_passed_on() -> None:
    told = ChildFailure(reason=Reason.INPUT_NOT_FOUND, message="no input z").model_dump_json(by_alias=True)
    found = failure(
        f"os.write(report, {told.encode()!r} and b'{{\"failure\": ' + {told.encode()!r} + b'}}\\n'); sys.exit(1)",
    )
    assert (found.reason, found.message) == (Reason.INPUT_NOT_FOUND, "no input z")


def test_a_child_that_never_ends_is_killed_at_its_deadline() -> None:
    found = failure("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()", 0.3)
    assert found.reason is Reason.DEADLINE_EXCEEDED


def test_a_grandchild_does_not_outlive_the_child(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    reading = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    run(f"os.open({str(tmp_path / 'alive')!r}, os.O_WRONLY)\nif os.fork() == 0: signal.pause()")
    # A pipe is readable, with nothing in it, once its last writer is gone.
    hung_up = select.poll()
    hung_up.register(reading, select.POLLIN)
    assert hung_up.poll(30_000)
    assert os.read(reading, 1) == b""
    os.close(reading)


@pytest.mark.parametrize("tail", ["terminate called after throwing an instance of 'std::bad_alloc'"])
def test_an_allocation_that_fails_is_out_of_memory(tail: str) -> None:
    found = explain(ChildEnd(-signal.SIGABRT, None, tail, 0, 0), 512 * 1024**2)
    assert found is not None
    assert found.reason is Reason.OUT_OF_MEMORY
    assert "more memory than its limit of 512Mi, or its node, has to give" in found.message


def test_the_kernels_kill_is_out_of_memory() -> None:
    killed = ChildEnd(-signal.SIGKILL, None, "", 0, memory_kills=1)
    found = explain(killed, 1536 * 1024**2)
    assert found is not None
    assert found.reason is Reason.OUT_OF_MEMORY
    assert "more memory than its limit of 1536Mi, or its node, has to give" in found.message
    shown = explained(found.reason, found.message, cure_given=found.cure_given)
    assert "limits.memory, or, if it was the node (SystemOOM in kubectl describe node), spec.resources.req" in shown


def test_a_memory_error_in_the_child_is_out_of_memory() -> None:
    told = ChildFailure(reason=Reason.OUT_OF_MEMORY, message="MemoryError")
    found = explain(ChildEnd(1, told, "", 0, 0), None)
    assert found is not None
    assert found.reason is Reason.OUT_OF_MEMORY


def test_the_child_sees_nothing_of_ours_that_could_be_secret(tmp_path: Path) -> None:
    ours = {"AWS_SECRET_ACCESS_KEY": "secret", "PATH": "/bin", "PYTHONPATH": "here", "MY_TOKEN": "secret"}
    assert "secret" not in environment(ours, tmp_path).values()


def test_a_child_leaves_nothing_behind() -> None:
    with Child([sys.executable, "-c", "open('left', 'w'); import signal; signal.pause()"]) as child:
        assert child.process.stdout is not None
    assert child.process.returncode == -signal.SIGKILL
    assert not child.scratch.exists()


def test_what_starts_the_child_needs_nothing_that_takes_time_to_import() -> None:
    code = (
        "import sys, tflite_converter.__main__; sys.exit({'pydantic', 'numpy', 'typer'} & sys.modules.keys() != set())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("modules", "spared"),
    [
        (
            "tflite_converter.cli.app, tflite_converter.steps.convert, tflite_converter.steps.local",
            "tensorflow tensorflow_hub",
        ),
        # What a terminal needs, and the commands for people: a container has neither.
        ("tflite_converter.cli.steps, tflite_converter.steps.convert", "typer rich yaml numpy tensorflow"),
    ],
)
def test_the_supervisor_imports_nothing_that_only_others_need(modules: str, spared: str) -> None:
    code = f"import sys, {modules}; sys.exit(bool(set({spared.split()}) & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
