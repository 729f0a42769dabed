"""How `tflite-convert run` looks to a person: progress while it works, a summary when it is done."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Display
from rich.table import Column, Table
from rich.text import Text

from tflite_api.explanations import EXPLANATIONS, explained
from tflite_api.reasons import Outcome
from tflite_api.resource import targets
from tflite_api.resource.status import (
    ArtifactSignature,
    Benchmark,
    MeasuredError,
    MeasuredMetric,
    Tensor,
    Trial,
    VariantOutcome,
)
from tflite_api.steps.step import StepResult
from tflite_converter.core import log, trial_words
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress, Progress
from tflite_converter.core.units import bytes_in_words

_STYLES = {Outcome.SUCCESS: ("✔", "green"), Outcome.STALLED: ("✘", "red"), Outcome.RETRIED: ("↻", "yellow")}
_SHOWN_TENSORS = 4
_WIDTHS = (10, 10)
"""Of the columns of size and SNR of trials."""
_LONGEST_NAME = 40
_BESIDE_NAME = 50
"""What the other columns of trials take with the longest name of a metric."""


def for_progress(*, verbose: bool) -> Console:
    """Return the console on stderr, and send the log there: in colours on a terminal, else as plain lines."""
    console = Console(stderr=True)
    log.set_up(_on_console(console) if console.is_terminal else log.plain_lines(), verbose=verbose)
    return console


def _on_console(console: Console) -> logging.Handler:
    """Return the handler of log lines for a terminal, which keeps clear of the progress shown there."""
    # A pipe or a file would pay for them and never use them.
    from rich.highlighter import NullHighlighter  # noqa: PLC0415 - see above
    from rich.logging import RichHandler  # noqa: PLC0415 - see above

    return RichHandler(
        console=console, show_path=False, show_time=False, show_level=False, highlighter=NullHighlighter()
    )


@contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """Yield a listener that shows progress on a terminal, and logs it elsewhere."""
    if not console.is_terminal:
        yield LoggedProgress()
        return
    with TerminalProgress(console) as live:
        yield live


def show(text: Text) -> None:
    """Print a result on stdout, with no line broken: it may be read by a program."""
    Console(highlight=False).print(text, soft_wrap=True)


class TerminalProgress:
    """Progress on a terminal: a line for each phase that is over, and a live one for the phase at work."""

    def __init__(self, console: Console) -> None:
        """Prepare the display; it shows from `with` on."""
        self._console = console
        self._phase: str | None = None
        self._since = time.monotonic()
        self._task: TaskID | None = None
        self._tried = False
        words = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
        self._display = Display(SpinnerColumn(), words, console=console, transient=True)
        self._download = Display(
            SpinnerColumn(),
            words,
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Self:
        """Show nothing until the first phase begins."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Clear the live line."""
        self._end_phase()

    def phase(self, text: str) -> None:
        """Show the phase before as done, and this one at work."""
        self._end_phase()
        self._phase, self._since = text, time.monotonic()
        self._display.add_task(text, total=None)
        self._display.start()

    def received(self, done: int, total: int | None) -> None:
        """Show how much of a download is here."""
        if self._task is None:
            self._stop(self._display)
            self._task = self._download.add_task(self._phase or "", total=total)
            self._download.start()
        self._download.update(self._task, completed=done)

    def tried(self, trial: Trial) -> None:
        """Show what came of it, in the place of its phases: a row of a table that grows."""
        self._end_phase()
        if not self._tried:
            self._console.print(self._row(trial_words.COLUMNS, "dim"))
        self._tried = True
        style = {"Held": "green", "Missed": "yellow", "Failed": "red"}.get(trial.outcome, "")
        self._console.print(self._row(trial_words.row(trial), style))

    def _row(self, cells: tuple[str, ...], style: str) -> Table:
        """Return a row of the table; what is too long for its column is broken there."""
        row = Table.grid(padding=(0, 2, 0, 0))
        name = max(min(_LONGEST_NAME, self._console.width - _BESIDE_NAME), _WIDTHS[0])
        for width in (name, *_WIDTHS, None):
            row.add_column(width=width, overflow="fold")
        row.add_row(*(Text(cell, style) for cell in cells))
        return row

    def _end_phase(self) -> None:
        self._stop(self._display)
        self._stop(self._download)
        self._task = None
        if self._phase is not None and not trial_words.is_phase_of_trial(self._phase):
            took = f"{time.monotonic() - self._since:5.1f} s"
            self._console.print(Text.assemble((took, "dim"), "  ", self._phase))
        self._phase = None

    @staticmethod
    def _stop(display: Display) -> None:
        display.stop()
        for task in list(display.task_ids):
            display.remove_task(task)


def summary(name: str, result: StepResult, output: str) -> Text:
    """Return a result for people: what came out, or what is wrong and what to do."""
    mark, style = _STYLES.get(result.outcome, ("•", ""))
    lines = [Text.assemble((mark, style), "  ", (name, "bold"), "  ", (str(result.reason), style))]
    lines.append(Text.assemble("   ", result.message))
    lines += [Text.assemble("   ", (f"{label:<11}", "dim"), text) for label, text in _rows(result, output)]
    return Text("\n").join(lines)


def failed(failure: StepFailure) -> Text:
    """Return a failure for people: the reason, what was found, and what to do."""
    lines = [Text.assemble(("✘  ", "red"), (str(failure.reason), "red"))]
    lines.append(Text.assemble("   ", explained(failure.reason, failure.message, cure_given=failure.cure_given)))
    return Text("\n").join(lines)


def _rows(result: StepResult, output: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if (cure := EXPLANATIONS[result.reason].cure) is not None and not result.cure_given:
        rows.append(("cure", cure))
    if result.artifact is not None:
        rows.append(("artifact", f"{output} ({bytes_in_words(result.artifact.size_bytes)})"))
        rows.append(("sha256", result.artifact.sha256))
        if result.artifact.report_uri is not None:
            rows.append(("report", result.artifact.report_uri))
    rows += [("variant", _variant(each)) for each in result.variants or ()]
    if result.signature is not None and result.outcome is Outcome.SUCCESS:
        rows.append(("signature", result.signature.key))
        rows += [(side, text) for side, text in _tensors(result.signature)]
    if result.verification is not None:
        rows.append(("accuracy", _accuracy(result.verification)))
        rows += [("runtime", text) for text in _runtime(result.verification)]
        rows += [("metric", _metric(each)) for each in result.verification.metrics or ()]
    if result.quantization is not None:
        rows.append(("chosen", json.dumps(result.quantization.to_object(), ensure_ascii=False)))
    rows += [("target", targets.in_words(each)) for each in result.targets or ()]
    if result.benchmark is not None:
        rows += [(label, text) for label, text in _benchmark(result.benchmark) if text]
    if result.duration_seconds is not None and result.peak_memory_bytes is not None:
        rows.append(("took", f"{result.duration_seconds:.1f} s, {bytes_in_words(result.peak_memory_bytes)} at peak"))
    return rows


def _tensors(signature: ArtifactSignature) -> list[tuple[str, str]]:
    rows = []
    for side, tensors in (("input", signature.inputs), ("output", signature.outputs)):
        rows += [(f"  {side}", _tensor(tensor)) for tensor in tensors[:_SHOWN_TENSORS]]
        if len(tensors) > _SHOWN_TENSORS:
            rows.append((f"  {side}", f"and {len(tensors) - _SHOWN_TENSORS} more"))
    return rows


def _tensor(tensor: Tensor) -> str:
    return f"{tensor.name}: {tensor.dtype} {list(tensor.shape)}"


def _accuracy(measured: MeasuredError) -> str:
    return (
        f"SNR {measured.snr_decibels} dB, largest error {measured.max_absolute_error}, cosine {measured.cosine}"
        f" ({measured.samples} {measured.source.lower()} samples)"
    )


def _runtime(measured: MeasuredError) -> list[str]:
    if measured.runtime is None:
        return []
    if (beside := measured.reference_kernels) is None:
        return [measured.runtime]
    figures = f"{beside.runtime_snr_decibels} dB, its reference kernels {beside.snr_decibels} dB"
    return [f"{measured.runtime}: {figures} ({beside.samples} of the samples)"]


def _benchmark(measured: Benchmark) -> list[tuple[str, str]]:
    latency = memory = ""
    if measured.p50_milliseconds is not None:
        of_slowest = f", signature {measured.signature}" if measured.signature is not None else ""
        floats = f", {measured.relative_latency} times floats" if measured.relative_latency is not None else ""
        latency = (
            f"p50 {measured.p50_milliseconds} ms, p90 {measured.p90_milliseconds} ms{floats} ({measured.runs} runs,"
            f" {measured.threads} thread{'s' if measured.threads != 1 else ''}{of_slowest}, {measured.runtime})"
        )
    slowest = ", ".join(f"{one.name} {100 * float(one.share):.0f} %" for one in measured.operators or ())
    if measured.arena_bytes is not None:
        memory = f"{bytes_in_words(measured.arena_bytes)} for all tensors that are no constants"
    return [("latency", latency), ("slowest", slowest), ("memory", memory)]


def _variant(outcome: VariantOutcome) -> str:
    figures = [f"SNR {outcome.snr_decibels} dB"] if outcome.snr_decibels is not None else []
    if outcome.artifact is not None:
        figures.insert(0, bytes_in_words(outcome.artifact.size_bytes))
    if outcome.benchmark is not None:
        figures += [text for _, text in _benchmark(outcome.benchmark) if text]
    return ", ".join((f"{outcome.name}: {outcome.reason}", *figures))


def _metric(found: MeasuredMetric) -> str:
    of_k = f" (k {found.k})" if found.k is not None else ""
    interval = f"{found.artifact.low} to {found.artifact.high}"
    published = f", published {found.baseline.value}" if found.baseline is not None else ""
    value = f"{found.artifact.value} [{interval}]"
    return f"{found.name}{of_k} of {found.output}: {value}, model {found.model.value}{published}"
