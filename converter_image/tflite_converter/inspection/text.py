"""How an inspected model looks to a person."""

from collections.abc import Iterator, Mapping
from typing import Final

from rich.text import Text

from tflite_api.text import one_line
from tflite_converter.core.units import bytes_in_words
from tflite_converter.inspection.findings import (
    InspectedGraph,
    InspectedSignature,
    InspectedTensor,
    Inspection,
    Verdict,
)

_SHOWN_OPERATIONS: Final = 12


def of(found: Inspection) -> Text:
    """Return the whole inspection: the model, each graph, each signature, and what a conversion would come to."""
    lines = [
        Text(one_line(found.model.source.address), "bold"),
        _row("digest", found.digest),
        _row("size", bytes_in_words(found.size_bytes)),
    ]
    for graph in found.graphs:
        lines += [Text(), _graph(graph)]
        for signature in graph.signatures:
            lines += _signature(signature)
    taken = [signature.key for graph in found.graphs for signature in graph.signatures if signature.converted]
    lines += [Text(), Text.assemble(_mark(found.verdict), "  ", one_line(_verdict(found.verdict, taken)))]
    return Text("\n").join(lines)


def _graph(graph: InspectedGraph) -> Text:
    exporter = f", exported by TensorFlow {graph.tensorflow}" if graph.tensorflow else ""
    passed_over = "" if graph.chosen else ", not converted unless model.tags names it"
    return Text.assemble((one_line(f"tags [{', '.join(graph.tags)}]"), "bold"), one_line(exporter), passed_over)


def _signature(signature: InspectedSignature) -> Iterator[Text]:
    yield Text.assemble("  ", _mark(signature.verdict), "  ", (one_line(signature.key), "bold"))
    for side, tensors in (("input", signature.inputs), ("output", signature.outputs)):
        yield from (_row(side, _tensor(tensor)) for tensor in tensors)
    yield _row("operations", _operations(signature.operations))
    if signature.strategies:
        yield _row("strategy", "+".join(signature.strategies))
    yield from (_row("note", note) for note in signature.notes)
    if signature.verdict.reason is not None:
        yield _row("refused", f"{signature.verdict.reason}: {signature.verdict.message}")


def _row(label: str, text: str) -> Text:
    return Text.assemble("     ", (f"{label:<11}", "dim"), one_line(text))


def _tensor(tensor: InspectedTensor) -> str:
    return f"{tensor.name}: {tensor.dtype} {list(tensor.shape) if tensor.shape is not None else 'of unknown rank'}"


def _operations(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count}" for name, count in most[:_SHOWN_OPERATIONS])
    rest = f" and {len(most) - _SHOWN_OPERATIONS} other kinds" if len(most) > _SHOWN_OPERATIONS else ""
    return f"{sum(counts.values())}: {shown}{rest}" if most else "none"


def _mark(verdict: Verdict) -> tuple[str, str]:
    return ("✔", "green") if verdict.reason is None else ("✘", "red")


def _verdict(verdict: Verdict, taken: list[str]) -> str:
    if verdict.reason is not None:
        return f"{verdict.reason}: {verdict.message}"
    return (
        f"Nothing speaks against converting {', '.join(taken)}; whether LiteRT has all of it, only the conversion tells"
    )
