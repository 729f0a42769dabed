"""The charts of the report page: SVG that takes its colours from the page's own style sheet.

Drawn by pygal: it is pure Python and SVG is what it makes, so that a chart follows the page from light to dark.
Matplotlib fixes the colours in the picture and is many times as large; the others need a browser's JavaScript.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from markupsafe import Markup

from tflite_api.resource.status import Trial
from tflite_api.steps.report import BINS, LayerError, OutputErrors, TypeSize
from tflite_converter.core.units import bytes_in_words
from tflite_converter.report.layer_errors import stands_out

_WIDTH: Final = 360
"""In the units of the text's size: a chart is as wide as a phone, so that its letters are as large as the page's."""
_ROW: Final = 22
_TYPES: Final = 6
_LABEL: Final = 22
"""Characters of a name beside a bar."""
_MOST_DECIBELS: Final = 1000.0
_MOST_BYTES: Final = 2.0**40
_MOST_MILLISECONDS: Final = 1e7
"""More than honest trials have. pygal looks without end for the steps of an axis whose values are so near each other,
a byte or a ten-thousandth, that adding a step to one does not change it."""
_DOT: Final = 5
_CHOSEN_DOT: Final = 8
"""Larger, for who cannot tell the colours apart."""
_ROOM: Final = 0.08
"""Of what the points span."""
_DROPPED: Final = frozenset({"script", "style", "desc", "title"})


def sizes(before: Sequence[TypeSize], after: Sequence[TypeSize]) -> Markup:
    """Draw what tensors take by type, in the model and in the artifact."""
    import pygal  # noqa: PLC0415 - only a report needs it

    names = list(dict.fromkeys(size.dtype for size in (*before, *after)))
    named = names if len(names) <= _TYPES else names[: _TYPES - 1]
    chart = _chart(pygal.HorizontalStackedBar, 140, legend=True)
    chart.x_labels = ["artifact", "model"]
    for name in named:
        chart.add(name, [_bytes(side, {name}) for side in (after, before)])
    if len(names) > len(named):
        chart.add("others", [_bytes(side, set(names) - set(named)) for side in (after, before)])
    chart.value_formatter = lambda value: bytes_in_words(round(value))
    return _drawn(chart, "Size by tensor type, of the model and of the artifact")


def _bytes(sizes: Sequence[TypeSize], types: set[str]) -> int:
    return sum(size.size_bytes for size in sizes if size.dtype in types)


def errors(output: OutputErrors) -> Markup:
    """Draw the distribution of an output's errors, as the share of its elements in each bin (%)."""
    import pygal  # noqa: PLC0415 - only a report needs it

    chart = _chart(pygal.Histogram, 190)
    largest = float(output.max_absolute_error) or 1.0
    width = 2 * largest / BINS
    total = max(sum(output.counts), 1)
    chart.add(
        "",
        [
            (100 * count / total, -largest + number * width, -largest + (number + 1) * width)
            for number, count in enumerate(output.counts)
        ],
    )
    chart.x_labels = [-largest, 0, largest]
    chart.margin_right = 40
    chart.x_value_formatter = lambda value: f"{value:.3g}"
    chart.value_formatter = lambda value: f"{value:.3g} %"
    return _drawn(chart, "Share of the elements by error")


def layers(listed: Sequence[LayerError], bound: float) -> Markup:
    """Draw the signal-to-noise ratio of layers (dB); infinite ones are drawn up to `bound`."""
    import pygal  # noqa: PLC0415 - only a report needs it

    chart = _chart(pygal.HorizontalStackedBar, 60 + _ROW * len(listed), legend=any(map(stands_out, listed)))
    # The first is drawn lowest.
    shown = list(reversed(listed))
    chart.x_labels = [_short(layer.name) for layer in shown]
    # The bound first: min and max give their first argument where the other is no number.
    decibels = [max(0.0, min(bound, float(layer.snr_decibels))) for layer in shown]
    for label, marked in (("rounding", False), ("more", True)):
        chart.add(label, [ratio * (stands_out(layer) is marked) for layer, ratio in zip(shown, decibels, strict=True)])
    chart.value_formatter = lambda value: f"{value:.0f}"
    return _drawn(chart, "Signal-to-noise ratio of the worst layers in decibels")


def trial_sizes(made: Sequence[Trial]) -> Markup | None:
    """Draw the size of each trial's artifact against its signal-to-noise ratio (dB); None where none was measured."""
    return _against_error(made, lambda trial: trial.size_bytes, _MOST_BYTES, _in_bytes, "Size of each trial")


def trial_latencies(made: Sequence[Trial]) -> Markup | None:
    """Draw how long nine in ten inferences of each trial took at most (ms), in the same way."""

    def latency(trial: Trial) -> float | None:
        return float(trial.latency_milliseconds) if trial.latency_milliseconds is not None else None

    return _against_error(made, latency, _MOST_MILLISECONDS, _in_milliseconds, "Latency of each trial")


def _against_error(
    made: Sequence[Trial],
    measured: Callable[[Trial], float | None],
    most: float,
    in_words: Callable[[float], str],
    label: str,
) -> Markup | None:
    import pygal  # noqa: PLC0415 - only a report needs it

    points: dict[str, list[tuple[float, float]]] = {"chosen": [], "holds": [], "misses": []}
    for trial in made:
        value = measured(trial)
        if value is None or trial.snr_decibels is None:
            continue
        decibels = float(trial.snr_decibels)
        if not math.isfinite(decibels) or abs(decibels) > _MOST_DECIBELS or value > most:
            continue
        points[{"Chosen": "chosen", "Held": "holds"}.get(trial.outcome, "misses")].append((round(decibels, 2), value))
    if not any(points.values()):
        return None
    chart = _chart(pygal.XY, 240, legend=True)
    chart.stroke, chart.show_dots = False, True
    chart.x_title, chart.margin_left, chart.legend_at_bottom_columns = "SNR in dB", 12, len(points)
    # pygal leaves no room for the legend below the title of an axis.
    chart.margin_bottom = 24
    across, up = zip(*(point for found in points.values() for point in found), strict=True)
    chart.xrange, chart.range = _around(across), _around(up)
    for name, found in points.items():
        chart.add(name, found, dots_size=_CHOSEN_DOT if name == "chosen" else _DOT)
    chart.x_value_formatter = lambda value: f"{value:.0f}"
    chart.y_value_formatter = chart.value_formatter = in_words
    return _drawn(chart, f"{label} by its signal-to-noise ratio")


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Return what an axis spans: with room beside the outermost points, whose dots would be cut."""
    least, most = min(values), max(values)
    room = _ROOM * ((most - least) or abs(most) or 1.0)
    return least - room, most + room


def _in_bytes(value: float) -> str:
    return bytes_in_words(round(value))


def _in_milliseconds(value: float) -> str:
    return f"{value:.3g} ms"


def _short(name: str) -> str:
    # The first of the operations that the converter fused into one gives what the others lead to.
    first = name.partition(";")[0]
    return first if len(first) <= _LABEL else f"…{first[1 - _LABEL :]}"


def _chart(kind: Any, height: int, *, legend: bool = False) -> Any:  # noqa: ANN401 - pygal has no types
    from pygal.etree import etree  # noqa: PLC0415 - only a report needs it
    from pygal.style import Style  # noqa: PLC0415 - only a report needs it

    # With lxml, where that happens to be installed, the tree is another.
    etree.to_etree()
    style = Style(font_family="sans-serif", label_font_size=12, major_label_font_size=12, legend_font_size=12)
    return kind(
        style=style,
        width=_WIDTH,
        height=height,
        margin=4,
        spacing=8,
        js=(),
        show_legend=legend,
        legend_at_bottom=True,
        legend_box_size=10,
        print_values=False,
        show_dots=False,
        explicit_size=False,
        disable_xml_declaration=True,
        truncate_label=-1,
        max_scale=5,
    )


def _drawn(chart: Any, label: str) -> Markup:  # noqa: ANN401 - pygal has no types
    """Return the SVG without pygal's scripts and styles, those of the page being enough."""
    from xml.etree import ElementTree  # noqa: PLC0415 - only a report needs it

    root = chart.render_tree()
    for parent, child in list(_children(root)):
        is_element = isinstance(child.tag, str)
        if not is_element or child.tag.rpartition("}")[2] in _DROPPED or "tooltip-overlay" in child.get("class", ""):
            parent.remove(child)
        else:
            child.attrib.pop("id", None)
    root.attrib.pop("id", None)
    root.attrib |= {"class": "chart", "role": "img", "aria-label": label}
    # ElementTree escapes what labels hold: none of it can be more than text.
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - see above


def _children(parent: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - elements of either tree
    for child in parent:
        yield parent, child
        yield from _children(child)
