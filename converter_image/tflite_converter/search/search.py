"""The search of quantization.type Auto: one child after the other converts, and all run on one run of the model."""

import logging
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.budget import Budget
from tflite_api.resource.quantization import ChosenQuantization, KeepFloat
from tflite_api.resource.quantization_types import CALIBRATED
from tflite_api.resource.status import TrialOutcome
from tflite_api.steps.step import ConvertedModel
from tflite_api.text import one_line
from tflite_converter.convert import supervised
from tflite_converter.convert.order import Contents, ConversionOrder, TrialOrder
from tflite_converter.convert.pinned.workspace_files import was_run
from tflite_converter.convert.supervised import Conversion, ConversionFailed
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import (
    ARTIFACT_FILE,
    CONTENTS_FILE,
    CONVERTED_FILE,
    open_regular,
    read_model,
    write_model,
    written_whole,
)
from tflite_converter.search import choice, plan, ranking, unreachable
from tflite_converter.search.choice import Candidate, Made
from tflite_converter.search.plan import Rank, State
from tflite_converter.search.ranking import LayersOrder
from tflite_converter.search.repair import Layer
from tflite_converter.worker.process import Child

_LOG = logging.getLogger(__name__)
_LARGEST: Final = 16 * 1024**3
_PASSED: Final = frozenset(
    {Reason.SNR_SUFFICIENT, Reason.METRICS_SUFFICIENT, Reason.REAL_DATA_NOT_SEEN, Reason.REPORT_ONLY}
)
_OF_THE_MODEL: Final = frozenset({Reason.NON_DETERMINISTIC, Reason.STATEFUL, Reason.NON_FINITE, Reason.SELECT_TF})
"""Verdicts that are those of any artifact of the model."""
_FINAL: Final = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.INVALID_METADATA,
        Reason.METRIC_MISMATCH,
        Reason.BASELINE_UNUSABLE,
        Reason.DATASET_INVALID,
        Reason.DATASET_MISMATCH,
        Reason.ARTIFACT_REFUSED,
        Reason.OUT_OF_DISK,
        Reason.DEADLINE_EXCEEDED,
    }
)
"""Failures that are those of any quantization."""


class Search:
    """A search, from its first trial to the artifact that is taken."""

    def __init__(self, order: ConversionOrder, progress: Progress, timeout_seconds: float | None) -> None:
        """Take what is asked, who is told of it, and how long all of it may take."""
        self._order = order
        self._progress = progress
        self._ends = time.monotonic() + timeout_seconds if timeout_seconds is not None else None
        asked, budget = order.quantization, order.budget
        self._state = State(
            candidates=asked.candidates,
            max_trials=asked.search.max_trials,
            objective=asked.search.objective,
            most_bytes=budget.most_bytes if budget is not None else None,
        )
        self._converted: dict[int, ConvertedModel] = {}
        """By the number of the trial."""
        self._peak = 0

    def run(self, ahead: Child | None = None) -> Conversion:
        """Search; leaves `model.tflite` and `converted.json` in the order's output folder.

        Raises:
            ConversionFailed: BudgetUnreachable where nothing holds, or what is wrong with model and spec.
        """
        with tempfile.TemporaryDirectory(prefix="search-") as name:
            folder = Path(name)
            try:
                while (step := plan.following(self._state)) is not None:
                    if isinstance(step, Rank):
                        self._rank(step.candidate, folder)
                        continue
                    self._take(self._try(step, folder, ahead), folder)
                    ahead = None
                return self._finish(folder)
            except StepFailure as failure:
                if failure.trials is None and self._state.made:
                    failure.trials = choice.shown(self._state.made, None)
                raise ConversionFailed(failure, self._peak) from failure

    def _try(self, candidate: Candidate, folder: Path, ahead: Child | None) -> Made:
        number = len(self._state.made)
        output = _output(folder, number)
        output.mkdir()
        order = self._order_of(candidate, folder).model_copy(
            update={
                "output_dir": str(output),
                "report": False,
                "budget": self._budget(),
            }
        )
        try:
            done = self._supervised(order, f"{number + 1}. {candidate.name}: ", ahead)
        except ConversionFailed as failure:
            self._peak = max(self._peak, failure.peak_memory_bytes)
            return self._failed(candidate, failure, folder)
        self._peak = max(self._peak, done.peak_memory_bytes)
        self._converted[number] = done.converted
        return self._measured(candidate, done.converted, folder)

    def _budget(self) -> Budget | None:
        """Return what a trial may take: as it runs, what the spec allows; as a file, less than what holds already."""
        asked, state = self._order.budget, self._state
        bound = state.bound() if state.is_of_size and state.best is not None else None
        most = bound - 1 if bound is not None and bound > 1 else None
        if asked is not None and asked.running_limits:
            return asked.model_copy(update={"max_size_bytes": most})
        return Budget(max_size_bytes=most) if most is not None else None

    def _order_of(self, candidate: Candidate, folder: Path) -> ConversionOrder:
        asked = self._order.quantization
        trial = TrialOrder(workspace_dir=str(folder), calibration=asked.calibration)
        quantization = asked.as_written(candidate.kind, candidate.kept, candidate.eights, candidate.granularity)
        return self._order.model_copy(update={"quantization": quantization, "trial": trial})

    def _supervised(self, order: ConversionOrder, prefix: str, ahead: Child | None) -> Conversion:
        return supervised.run(
            lambda scratch: order.model_copy(update={"scratch_dir": str(scratch)}),
            lambda phase: self._progress.phase(f"{prefix}{phase}"),
            self._left(),
            ahead,
        )

    def _left(self) -> float | None:
        """Return how many seconds are left.

        Raises:
            StepFailure: DeadlineExceeded.
        """
        if self._ends is None:
            return None
        left = self._ends - time.monotonic()
        if left <= 0:
            words = f"The search took longer than spec.activeDeadlineSeconds, after {len(self._state.made)} trials"
            raise StepFailure(Reason.DEADLINE_EXCEEDED, words, OWN_CURE)
        return left

    def _failed(self, candidate: Candidate, failure: StepFailure, folder: Path) -> Made:
        """Return what a trial without a verdict comes to.

        Raises:
            StepFailure: the failure, where it would be that of any candidate.
        """
        is_of_floats = failure.reason is Reason.UNSUPPORTED_OPERATION and candidate.kind not in CALIBRATED
        if failure.is_final or failure.reason in _FINAL or is_of_floats or not was_run(folder):
            raise failure
        found = self._found(candidate, folder)
        if failure.benchmark is not None:
            over = replace(found, outcome="OverBudget", measured=failure.verification)
            return replace(over, failure=failure, benchmark=failure.benchmark)
        if failure.reason is Reason.BUDGET_EXCEEDED:
            # What was measured against is the size of what holds already: the spec's own budget is no larger.
            return replace(found, outcome="NotSmaller")
        is_miss = failure.reason is Reason.VERIFICATION_FAILED and failure.verification is not None
        outcome: TrialOutcome = "Missed" if is_miss else "Failed"
        return replace(found, outcome=outcome, measured=failure.verification, failure=failure)

    def _measured(self, candidate: Candidate, converted: ConvertedModel, folder: Path) -> Made:
        if converted.verdict in _OF_THE_MODEL:
            raise StepFailure(
                Reason.BUDGET_UNREACHABLE,
                f"quantization.type Auto takes only what was compared with the model, and that proves nothing:"
                f" {converted.message}",
                "Write the quantization.type that you want",
            )
        found = self._found(candidate, folder)
        made = replace(found, outcome="Held", measured=converted.verification, benchmark=converted.benchmark)
        if converted.verdict not in _PASSED:
            return replace(made, outcome="Missed", doubt=(converted.verdict, converted.message))
        most = self._state.most_bytes
        is_too_large = most is not None and made.size is not None and made.size > most
        return replace(made, outcome="TooLarge") if is_too_large else made

    def _found(self, candidate: Candidate, folder: Path) -> Made:
        """Return what is known of the latest trial by its files alone."""
        output = _output(folder, len(self._state.made))
        contents = _contents(output)
        if contents is None:
            return Made(candidate, "Failed")
        size = (output / ARTIFACT_FILE).stat().st_size
        return Made(candidate, "Failed", size, contents.weights, scale_bytes=contents.scale_bytes)

    def _take(self, made: Made, folder: Path) -> None:
        before = self._state.best
        self._state = replace(self._state, made=(*self._state.made, made))
        self._progress.tried(made.shown())
        for number, each in enumerate(self._state.made):
            # Of all artifacts that of the best trial is needed.
            if each is not self._state.best and (each is before or each is made):
                (_output(folder, number) / ARTIFACT_FILE).unlink(missing_ok=True)

    def _rank(self, candidate: Candidate, folder: Path) -> None:
        numbers = [number for number, each in enumerate(self._state.made) if each.candidate == candidate]
        contents = _contents(_output(folder, numbers[-1]))
        layers: tuple[Layer, ...] = ()
        if contents is not None and contents.floats is not None and contents.reference_dir is not None:
            self._progress.phase(f"Comparing the layers of {candidate.name}")
            order = LayersOrder(
                kind=candidate.kind,
                floats=contents.floats,
                reference_dir=contents.reference_dir,
                kept=candidate.kept or KeepFloat(),
                per_tensor=candidate.per_tensor,
                folder=str(folder),
            )
            layers = ranking.ranked(order, self._left())
        self._state = replace(self._state, layers={**self._state.layers, candidate.family: layers})

    def _finish(self, folder: Path) -> Conversion:
        best = self._state.best
        if best is None:
            raise unreachable.explained(self._state, self._order.min_snr_decibels, self._order.budget)
        number = list(self._state.made).index(best)
        converted, output = self._converted[number], Path(self._order.output_dir)
        if self._order.report:
            converted = self._with_report(best, converted, folder)
        else:
            with (
                open_regular(_output(folder, number) / ARTIFACT_FILE, _LARGEST) as source,
                written_whole(output / ARTIFACT_FILE) as target,
            ):
                shutil.copyfileobj(source, target)
        taken, count = best.candidate, len(self._state.made)
        among = f"of {count} trials" if count > 1 else "the only trial"
        written = self._order.quantization.as_written(taken.kind, taken.kept, taken.eights, taken.granularity)
        chosen = {
            "quantization": ChosenQuantization.of(written),
            "trials": choice.shown(self._state.made, best),
            "message": one_line(f"{taken.name}, {among}; {converted.message}"),
        }
        converted = converted.model_copy(update=chosen)
        write_model(output / CONVERTED_FILE, converted)
        return Conversion(converted, self._peak)

    def _with_report(self, best: Made, before: ConvertedModel, folder: Path) -> ConvertedModel:
        """Convert again what is taken, this time with what its report page shows.

        Raises:
            StepFailure: ConversionFailed where another artifact comes of it.
        """
        # What it takes as it runs was measured, and would be other figures now.
        order = self._order_of(best.candidate, folder).model_copy(update={"budget": None, "benchmarking": None})
        done = self._supervised(order, f"{best.candidate.name}: ", None)
        self._peak = max(self._peak, done.peak_memory_bytes)
        if done.converted.sha256 != before.sha256:
            words = f"{best.candidate.name} gives another artifact when it is converted again"
            raise StepFailure(Reason.CONVERSION_FAILED, words, OWN_CURE)
        return done.converted.model_copy(update={"benchmark": before.benchmark})


def _output(folder: Path, number: int) -> Path:
    return folder / f"trial-{number}"


def _contents(output: Path) -> Contents | None:
    try:
        return read_model(output / CONTENTS_FILE, Contents)
    except ValueError:
        return None
