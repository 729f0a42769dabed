"""How a comparison of two files looks to a person."""

from collections.abc import Iterator

from rich.text import Text

from tflite_api.resource.status import MeasuredMetric, OutputError
from tflite_api.text import one_line
from tflite_converter.compare.comparison import ArtifactComparison, ComparedFile
from tflite_converter.compare.messages import ComparedSignature
from tflite_converter.core.units import bytes_in_words

_COLUMNS = ("output", "SNR (dB)", "max error", "cosine", "top-1")


def of(found: ArtifactComparison) -> Text:
    """Return the whole comparison: the two sides, and each signature with its outputs, the worst first."""
    lines = [*_side("artifact", found.artifact), *_side("reference", found.reference), _sizes(found)]
    for signature in found.signatures:
        lines += [Text(), *_signature(signature)]
    if found.reason is not None:
        lines += [Text(), Text.assemble(("✘  ", "red"), (str(found.reason), "red"), f": {found.message}")]
    return Text("\n").join(lines)


def _side(label: str, file: ComparedFile) -> Iterator[Text]:
    yield Text.assemble((f"{label:<11}", "dim"), (one_line(file.name), "bold"))
    yield _row("digest", file.digest)
    if file.contents is not None:
        yield _row("constants", ", ".join(f"{dtype} {count}" for dtype, count in file.contents.constants.items()))


def _sizes(found: ArtifactComparison) -> Text:
    ours, theirs = found.artifact.size_bytes, found.reference.size_bytes
    share = f", {100 * ours / theirs:.0f} % of the reference" if theirs else ""
    return Text.assemble(("size       ", "dim"), f"{bytes_in_words(ours)} against {bytes_in_words(theirs)}{share}")


def _signature(signature: ComparedSignature) -> Iterator[Text]:
    other = f" against {signature.reference_key}" if signature.reference_key != signature.key else ""
    yield Text.assemble((one_line(signature.key + other), "bold"))
    yield from (_row("input", name) for name in signature.inputs)
    if signature.error is not None:
        words = "given" if signature.error.source == "Verification" else "generated"
        yield _row("samples", f"{signature.error.samples} {words}")
        yield from _table(signature.error.outputs or ())
        yield from (_row("metric", _metric(metric)) for metric in signature.error.metrics or ())
    if signature.caveat is not None:
        yield _row("caveat", f"{signature.caveat}: {signature.message}")


def _table(outputs: tuple[OutputError, ...]) -> Iterator[Text]:
    rows = [_COLUMNS, *map(_cells, outputs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield Text("  " + "  ".join(cells).rstrip(), "dim" if number == 0 else "")


def _cells(output: OutputError) -> tuple[str, ...]:
    top = "" if output.top1_agreement is None else str(output.top1_agreement)
    return (
        one_line(output.name, 60),
        str(output.snr_decibels),
        str(output.max_absolute_error),
        str(output.cosine),
        top,
    )


def _metric(found: MeasuredMetric) -> str:
    of_k = f" (k {found.k})" if found.k is not None else ""
    shown = (("artifact", found.artifact), ("reference", found.model), ("drop", found.drop))
    figures = (f"{name} {figure.value} [{figure.low} to {figure.high}]" for name, figure in shown)
    return f"{found.name}{of_k} of {found.output}: {', '.join(figures)}, {found.samples} examples"


def _row(label: str, text: str) -> Text:
    return Text.assemble("  ", (f"{label:<11}", "dim"), one_line(text))
