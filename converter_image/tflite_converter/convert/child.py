"""The child process that runs an untrusted model: load, pin, run as the reference, convert.

Started by the supervisor as `python -m tflite_converter.convert.child DESCRIPTOR` with a ConversionOrder on stdin; it
reports on that file descriptor.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_converter.convert import strategy
from tflite_converter.convert.finish import MeasurementOrder, exec_measurement
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.convert.pinned.pinned_model import PinnedModel
from tflite_converter.convert.pinned.workspace import Workspace
from tflite_converter.convert.strategy import Attempt
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import ARTIFACT_FILE, write_whole
from tflite_converter.model import saved_model, selection
from tflite_converter.model.loaded import LoadedModel
from tflite_converter.model.running import loader, runtime, tfhub
from tflite_converter.worker.messages import CONVERTING
from tflite_converter.worker.reporter import Report, die_with_parent, reported

Announce = Callable[[str], None]


def convert_model(order: ConversionOrder, announce: Announce) -> MeasurementOrder:
    """Convert the model: writes `model.tflite` to the output folder, and the model's own outputs to the scratch folder.

    Gives what is left to do: to measure the artifact, in a process without TensorFlow.

    Raises:
        StepFailure: what is wrong with the model, the dataset or the spec.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    output = Path(order.output_dir)
    before = _entries(output)
    folder = _model_folder(order)
    graph = selection.choose_graph(saved_model.read(folder), order.tags)
    plan = partial(selection.plan, graph, asked=order.signature)
    # What is wrong with what was asked is found before the model is loaded, if its file tells.
    signatures = plan(graph.signatures) if selection.knows_its_inputs(graph) else None
    keys = None if signatures is None else [facts.key for facts in signatures]
    load = partial(loader.load, folder, graph, keys)
    workspace = Workspace(order)
    model: LoadedModel | None = None
    attempt = workspace.first_attempt
    if attempt is None:
        model = load()
        names = (model.strategy,) if model.strategy else ()
        attempt = Attempt(signatures or plan(model.signatures), order.select_tf, names)
        workspace.keep_first(attempt)
    while True:
        pinned = PinnedModel(order, graph, attempt, load)
        if not pinned.take_up():
            announce("Running the model")
            pinned.prepare(model or load())
        model = None
        failed = attempt
        while failed.signatures == attempt.signatures:
            announce(CONVERTING if attempt.name == strategy.PLAIN else f"{CONVERTING} ({attempt.name})")
            try:
                content = pinned.convert(attempt)
            except StepFailure as failure:
                following = strategy.next_attempt(attempt, failure)
                if following is None:
                    raise pinned.advised(attempt, failure) from failure
                failed, attempt = attempt, following
            else:
                _check_untouched(output, before)
                write_whole(output / ARTIFACT_FILE, content)
                pinned.convert_other_form(attempt)
                return pinned.rest(attempt, tf.__version__, content)


def _model_folder(order: ConversionOrder) -> Path:
    """Return where the model is; for a Hub handle, where tensorflow_hub says it is."""
    folder = Path(order.model_dir)
    return folder if order.hub_handle is None else tfhub.resolve(order.hub_handle, folder.parent)


def _entries(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def _check_untouched(output: Path, before: set[str]) -> None:
    """Check that running the model wrote nothing into this folder, which only the conversion may write."""
    if planted := sorted(_entries(output) - before):
        raise StepFailure(
            Reason.ARTIFACT_REFUSED,
            f"The model itself wrote {', '.join(planted[:5])} where its conversion leaves the result",
            "do not trust it, or export it without operations that write files",
        )


def main() -> int:
    """Do as ordered, then become the process that measures; exit code 1 where a failure was reported."""
    die_with_parent()
    report = Report(int(sys.argv[1]))
    # Before the order comes: it takes longest.
    runtime.load_tensorflow()
    order = ConversionOrder.model_validate_json(sys.stdin.buffer.read())

    def work() -> None:
        report.announce("Reading the model")
        rest = convert_model(order, report.announce)
        exec_measurement(rest, report, Path(order.scratch_dir))

    return reported(work, report, runtime.exhausted)


if __name__ == "__main__":
    sys.exit(main())
