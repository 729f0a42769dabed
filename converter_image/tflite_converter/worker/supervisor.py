"""Supervising the child that runs an untrusted model, and turning every way it can end into a reason.

This module imports no TensorFlow.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from tflite_api.reasons import Outcome, Reason
from tflite_api.text import one_line, printable
from tflite_converter.core.failure import OWN_CURE, Cure, StepFailure
from tflite_converter.core.units import quantity_in_words
from tflite_converter.worker.cgroup import MemoryGroup
from tflite_converter.worker.messages import REPORT_BYTES, ChildFailure, ChildLine
from tflite_converter.worker.process import Child

_LINE_BYTES: Final = 4096
_TAIL_LINES: Final = 200
"""Of the child's output: enough for the traceback of an exception in TensorFlow, and of its cause."""
_LAST_WORDS_SECONDS: Final = 5.0
"""How long after the child's end its pipes are read: a grandchild may hold them open for ever."""


@dataclass(frozen=True)
class ChildEnd:
    """What is known of a child that ended."""

    status: int
    """As subprocess gives it: the exit code, or minus the signal's number."""
    failure: ChildFailure | None
    tail: str
    """The last lines it wrote to stdout and stderr."""
    peak_bytes: int
    memory_kills: int
    """How many processes the kernel killed meanwhile in this control group for lack of memory."""
    timed_out: bool = False
    done: str | None = None
    """The last that it gave as proof of having done its work."""


@dataclass(frozen=True)
class Work:
    """What a child is at, for messages."""

    name: str
    crash_cure: Cure
    """What to do where it ends by a signal, or without a word."""
    crashed_as: str = ""
    """What was being done as it ended so, where that is known: `as the artifact was run`."""


CONVERSION: Final = Work("conversion", OWN_CURE)


@dataclass(frozen=True)
class Listener:
    """Who is told what the child says."""

    phase: Callable[[str], None]
    output: Callable[[str], None]


def run(child: Child, order: bytes, listener: Listener, timeout_seconds: float | None = None) -> ChildEnd:
    """Send a child its order, wait until it ends, and return how it ended.

    Args:
        child: started, and without an order yet.
        order: what it reads on stdin.
        listener: is told phases and output lines, from other threads.
        timeout_seconds: after which it is killed; None for never.
    """
    talk = _Talk(child, listener)
    timer = threading.Timer(timeout_seconds, child.kill) if timeout_seconds is not None else None
    try:
        if timer is not None:
            timer.start()
        talk.start(order)
        _, wait_status, usage = os.wait4(child.process.pid, 0)
        child.process.returncode = os.waitstatus_to_exitcode(wait_status)
    finally:
        timed_out = timer is not None and timer.finished.is_set()
        if timer is not None:
            timer.cancel()
        child.kill()
    talk.finish()
    group = MemoryGroup.of_this_process()
    return ChildEnd(
        status=child.process.returncode,
        failure=talk.failure,
        tail="\n".join(talk.tail),
        peak_bytes=usage.ru_maxrss * 1024,
        memory_kills=((group.kills() if group else None) or 0) - child.kills_before,
        timed_out=timed_out,
        done=talk.done,
    )


def explain(end: ChildEnd, limit: int | None, proof: str | None = None, work: Work = CONVERSION) -> StepFailure | None:
    """Return the failure that a child's end means; None where it did its work.

    Args:
        end: what is known of it.
        limit: this container's memory limit in bytes; None if there is none.
        proof: what it says when it has done its work, however it ends then; None where its exit code is enough.
        work: what it was at.
    """
    told = end.failure
    if _is_done(end, proof):
        return None
    if end.timed_out:
        words = f"The {work.name} took longer than spec.activeDeadlineSeconds"
        return StepFailure(Reason.DEADLINE_EXCEEDED, words, OWN_CURE)
    if end.memory_kills > 0 or "std::bad_alloc" in end.tail or (told and told.reason is Reason.OUT_OF_MEMORY):
        return _out_of_memory(work, limit)
    if told is not None and told.reason is Reason.OUT_OF_DISK:
        words = f"The {work.name} filled the disk that it writes to ({one_line(told.message, 300)})"
        return StepFailure(Reason.OUT_OF_DISK, words, OWN_CURE)
    if told is not None and end.status >= 0 and told.reason.outcome is Outcome.STALLED:
        return told.failure()
    found, cure = _crash(end, work)
    return StepFailure(Reason.CONVERSION_CRASHED, f"The {work.name} {found}", cure)


def _is_done(end: ChildEnd, proof: str | None) -> bool:
    """Return whether a child did its work: what it does after it has proven that is a courtesy."""
    return end.done == proof if proof is not None else end.status == 0 and end.failure is None


def _crash(end: ChildEnd, work: Work) -> tuple[str, Cure]:
    """Return what became of the child, and what to do."""
    if end.status == 0 and end.failure is None:
        words = "ended before it was done: the model itself ends the process, as the operation Abort does"
        return words, "Export it without such operations"
    last_words = _last_words(end.tail)
    if end.status < 0:
        doing = f" {work.crashed_as}" if work.crashed_as else ""
        return f"ended by {_signal_name(-end.status)}{doing}{last_words}", work.crash_cure
    if end.failure is not None:
        words = f"reported {end.failure.reason}, which is no failure of a {work.name}{last_words}"
        return words, "Do not trust the model: it interferes"
    return f"ended with exit code {end.status} and without a report{last_words}", work.crash_cure


def _out_of_memory(work: Work, limit: int | None) -> StepFailure:
    if limit is None:
        words = f"The {work.name} needs more memory than this machine has to give"
        return StepFailure(Reason.OUT_OF_MEMORY, words, "use a machine with more, or a smaller model")
    # The kernel says the same of a limit's kill and of one for want of memory on the node.
    words = f"The {work.name} needs more memory than its limit of {quantity_in_words(limit)}, or its node, has to give"
    return StepFailure(Reason.OUT_OF_MEMORY, words, OWN_CURE)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(tail: str) -> str:
    lines = [line for line in tail.splitlines() if line.strip()]
    return f"; its last words: {one_line(lines[-1], 300)}" if lines else ""


class _Talk:
    """The child's three pipes: its order, its report, and what it prints."""

    def __init__(self, child: Child, listener: Listener) -> None:
        self._child = child.process
        self._report = child.report
        self._listener = listener
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read_report, self._read_output)]
        self.failure: ChildFailure | None = None
        self.done: str | None = None
        self.tail: list[str] = []

    def start(self, order: bytes) -> None:
        for thread in self._threads:
            thread.start()
        if self._child.stdin is not None:
            with suppress(BrokenPipeError):
                self._child.stdin.write(order)
                self._child.stdin.close()

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(_LAST_WORDS_SECONDS)

    def _read_report(self) -> None:
        left = REPORT_BYTES
        while line := self._report.readline(_LINE_BYTES * 8):
            left -= len(line)
            if left < 0:
                continue
            with suppress(ValidationError):
                self._take(ChildLine.model_validate_json(line))

    def _take(self, line: ChildLine) -> None:
        if line.phase is not None:
            self._listener.phase(one_line(line.phase))
        if line.failure is not None:
            self.failure = line.failure
        if line.done is not None:
            self.done = line.done

    def _read_output(self) -> None:
        if self._child.stdout is None:
            return
        while line := self._child.stdout.readline(_LINE_BYTES):
            # Bytes that are no UTF-8 must not end the reading; control characters must not reach a terminal.
            text = printable(line.decode(errors="replace")).rstrip()
            self.tail = [*self.tail[1 - _TAIL_LINES :], text]
            self._listener.output(text)
