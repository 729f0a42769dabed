"""LiteRT's reference kernels beside those that compute for users: whether an artifact gives the same with both.

They run in a fork of this process, which the kernel ends when its time is up: an inference cannot be interrupted
otherwise, and an operator that crashes costs nothing but its figure. A fork is at work at once, where a process of its
own would import for longer than most artifacts run. There is no TensorFlow here, which may not be used in one.
"""

import logging
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from tflite_api.resource.status import ReferenceKernels
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Outputs
from tflite_converter.verify import litert, sequence
from tflite_converter.verify.comparison import named
from tflite_converter.verify.kernels import CannotRun
from tflite_converter.verify.measurement import Measurement
from tflite_converter.verify.metrics import Comparison, decibels
from tflite_converter.verify.reference import Reference
from tflite_converter.worker.reporter import die_with_parent

_LOG = logging.getLogger(__name__)

_SAMPLES: Final = 4
"""Of each signature."""
_SECONDS: Final = 0.5
"""Of the processor's time, for all of them. A ResNet-50 takes several seconds for one (own measurement)."""
_PATIENCE_SECONDS: Final = 5.0
"""Of the clock's time, where the processor is busy with others or a fork does not get going."""
_TIME_IS_UP: Final = frozenset({signal.SIGPROF, signal.SIGALRM})
_APART: Final = 3.0
"""Decibels: twice the error."""
_CLOSE: Final = 40.0
"""Decibels, from which on a difference is of no importance where nothing more is asked."""
_PROBLEM: Final = "!"
"""Begins a line that says what is wrong, in the place of a figure."""


@dataclass(frozen=True)
class Found:
    """What came of running the reference kernels."""

    figures: ReferenceKernels | None = None
    problem: str | None = None
    """Why they gave no figure, where that says something about the artifact."""

    def remark(self, runtime: str | None, gate: int) -> tuple[str, ...]:
        """Return what a user has to know of it, if anything.

        Args:
            runtime: what the artifact was verified with.
            gate: in dB; 0 where nothing is asked.
        """
        if self.problem is not None:
            return (f"LiteRT's reference kernels do not run it: {self.problem}",)
        if self.figures is None:
            return ()
        ours, theirs = float(self.figures.runtime_snr_decibels), float(self.figures.snr_decibels)
        # Infinity less infinity is no number.
        if ours == theirs or abs(ours - theirs) < _APART or min(ours, theirs) >= max(gate + _APART, _CLOSE):
            return ()
        words = (
            f"on {self.figures.samples} of the samples {runtime} gives {self.figures.runtime_snr_decibels} dB and its"
            f" reference kernels {self.figures.snr_decibels} dB, so devices with other kernels compute something else"
        )
        return (words,)


def compare(artifact: Path, keys: Sequence[str], references: Sequence[Reference], measured: Measurement) -> Found:
    """Run an artifact on the first samples that it was compared on, as far as the time allows.

    Args:
        artifact: the file.
        keys: of its signatures.
        references: what the model computes, by signature, as far as it was compared.
        measured: what the comparison found.
    """
    names = _names(measured)
    if not names:
        return Found()
    calls = list(sequence.turns([min(_SAMPLES, len(seen.given)) for seen in references]))
    places = _places(references)
    ours = [measured.parts[places[call]] for call in calls if call in places]

    def work(tell: Callable[[str], None]) -> None:
        theirs: list[Comparison] = []
        given = ((keys[signature], references[signature].given[at]) for signature, at in calls)
        found = litert.run_in_turn(artifact, given, by_reference_kernels=True)
        for (signature, at), outputs in zip(calls, found, strict=True):
            expected = references[signature].outputs[at]
            if expected is None:
                continue
            part = Comparison()
            part.add(*(_renamed(each, keys, signature) for each in (expected, outputs)))
            theirs.append(part)
            tell(repr(measured.worst_of(theirs, names)))

    try:
        lines, ended_by = _forked(work)
    except OSError as error:
        _LOG.warning("The reference kernels could not be run: %s", error)
        return Found()
    told = [line for line in lines if not line.startswith(_PROBLEM)]
    if len(told) < len(lines):
        return Found(problem=lines[-1].removeprefix(_PROBLEM))
    if ended_by is not None and ended_by not in {*_TIME_IS_UP, signal.SIGKILL}:
        return Found(problem=f"they crash ({signal.strsignal(ended_by)})")
    if not told:
        return Found()
    figures = ReferenceKernels(
        snr_decibels=decibels(float(told[-1])),
        runtime_snr_decibels=decibels(measured.worst_of(ours[: len(told)], names)),
        samples=len(told),
    )
    return Found(figures)


def _names(measured: Measurement) -> list[str]:
    """Name the outputs that tell: places of the largest do not, where a near tie falls the other way."""
    return [name for name, whole in measured.whole.outputs.items() if not (measured.choosing and whole.is_whole)]


def _places(references: Sequence[Reference]) -> dict[tuple[int, int], int]:
    """Return where among all comparisons that of a signature and a sample is."""
    if any(seen.in_sequence for seen in references):
        calls = list(sequence.turns([len(seen.given) for seen in references]))
    else:
        calls = [(signature, at) for signature, seen in enumerate(references) for at in range(len(seen.given))]
    compared = (call for call in calls if references[call[0]].outputs[call[1]] is not None)
    return {call: place for place, call in enumerate(compared)}


def _renamed(outputs: Outputs, keys: Sequence[str], signature: int) -> Outputs:
    return {named(keys[signature], output, several=len(keys) > 1): value for output, value in outputs.items()}


def _forked(work: Callable[[Callable[[str], None]], None]) -> tuple[list[str], int | None]:
    """Do some work in a fork; return the lines that it told, and the number of the signal that ended it, if one did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_leave(work, writing)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as told:
        *lines, _cut_off = told.read().split("\n")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return lines, -code if code < 0 else None


def _work_and_leave(work: Callable[[Callable[[str], None]], None], descriptor: int) -> NoReturn:
    """Do the work with bounds, and end this process whatever comes of it: it holds all that its parent does."""
    code = 1
    try:
        for number, timer, seconds in (
            (signal.SIGPROF, signal.ITIMER_PROF, _SECONDS),
            (signal.SIGALRM, signal.ITIMER_REAL, _PATIENCE_SECONDS),
        ):
            signal.signal(number, signal.SIG_DFL)
            signal.setitimer(timer, seconds)
        die_with_parent()

        def tell(line: str) -> None:
            os.write(descriptor, f"{line}\n".encode())

        try:
            work(tell)
            code = 0
        except CannotRun as error:
            tell(f"{_PROBLEM}{error.words}")
        except StepFailure as error:
            tell(f"{_PROBLEM}{one_line(error.found, 300)}")
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the artifact is measured
            tell(f"{_PROBLEM}{one_line(f'{type(error).__name__}: {error}', 300)}")
    finally:
        os._exit(code)
