"""The report page: one HTML file that needs nothing else, from a spec, a step's result and what convert measured.

The page is made where no model code runs, of data that were checked; whatever a model may have named is escaped.
"""

import base64
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tflite_api.explanations import EXPLANATIONS
from tflite_api.reasons import Reason
from tflite_api.resource import targets
from tflite_api.resource.budget import Budget
from tflite_api.resource.metrics import gates_in_words
from tflite_api.resource.quantization import ChosenQuantization, Quantization
from tflite_api.resource.quantization_types import QuantizationType, computes_in_half_precision
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import Benchmark, Estimate, MeasuredError, MeasuredMetric, OutputError, Trial
from tflite_api.resource.targets import Target
from tflite_api.sources.model_source import ModelSource
from tflite_api.steps.report import LayerError, Layers, OutputErrors, ReportData, TypeSize
from tflite_api.steps.step import StepResult
from tflite_converter.artifact.inventory import shown
from tflite_converter.core import trial_words
from tflite_converter.core.units import bytes_in_words
from tflite_converter.report import charts
from tflite_converter.report.layer_errors import LARGE_STEPS, stands_out

_TEMPLATES: Final = Path(__file__).parent / "templates"
_CHARTED_LAYERS: Final = 20
_WORTH_DECIBELS: Final = 1.0
"""What leaving layers in floats has to bring for the page to recommend it."""


class _Row(NamedTuple):
    label: str
    text: str


def render(title: str, spec: ConversionSpec, result: StepResult, data: ReportData) -> str:
    """Return the page.

    Args:
        title: whose conversion it is.
        spec: what was asked.
        result: what came out.
        data: what convert measured.
    """
    style = (_TEMPLATES / "report.css").read_text()
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("report.html.jinja").render(
        title=title,
        # Ours, and named by its digest in the page's policy.
        style=Markup(style),  # noqa: S704 - see above
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        result=result,
        is_verified=result.verdict in {Reason.SNR_SUFFICIENT, Reason.METRICS_SUFFICIENT},
        verdict_meaning=EXPLANATIONS[result.verdict].cause if result.verdict is not None else "",
        asked=asked(spec, result.provenance.strategy if result.provenance is not None else ""),
        signatures=[one for one in (result.signature, *(result.additional_signatures or ())) if one is not None],
        shape=_shape,
        **_sizes(data, result, spec),
        benchmark=_benchmark(result.benchmark),
        operators=data.operators,
        source=data.source,
        outputs=[_output(output, result.verification) for output in data.outputs],
        metrics=_metrics(result.verification, spec),
        baseline=result.verification.baseline if result.verification is not None else None,
        trials=[(trial.outcome == "Chosen", trial_words.row(trial)) for trial in result.trials or ()],
        trial_columns=trial_words.COLUMNS,
        trial_charts=_trial_charts(result.trials or ()),
        chosen=_chosen_yaml(result.quantization),
        layers=_layers(data.layers, result.quantization or spec.quantization) if data.layers else None,
        layers_absent=data.layers_absent,
        provenance=_provenance(result),
    )


def asked(spec: ConversionSpec, strategy: str) -> list[_Row]:
    """Return what a spec asks for, as far as it shapes the artifact or its measurement.

    Args:
        spec: what was asked.
        strategy: how the artifact was made; the default gate depends on it.
    """
    quantization, signature = spec.quantization, spec.signature
    rows = [_Row("Model", _source(spec.model)), *_quantization(quantization)]
    if signature is not None:
        keys = [signature.key] if signature.key else list(signature.keys or ())
        rows += [_Row("Signature", ", ".join(keys))] if keys else []
        rows += [_Row(f"Shape of {pin.name}", _shape(pin.shape)) for pin in signature.inputs or ()]
    if spec.ops.select_tf:
        rows.append(_Row("Operations", "TensorFlow's own are allowed (selectTF)"))
    if spec.verification is not None and spec.verification.samples is not None:
        rows.append(_Row("Compared on", spec.verification.samples.dataset))
    in_half_precision = computes_in_half_precision(strategy)
    gate = spec.half_precision_min_snr_decibels if in_half_precision else spec.min_snr_decibels
    rows.append(_Row("Gate", f"every output at least {gate} dB" if gate else "none (measure only)"))
    rows += _budget(spec.budget)
    return rows + [_Row("Target", _target(target)) for target in spec.targets or ()]


def _budget(budget: Budget | None) -> list[_Row]:
    if budget is None:
        return []
    rows = []
    if budget.most_bytes is not None:
        rows.append(_Row("Budget", f"at most {budget.max_size_bytes} ({budget.most_bytes} bytes)"))
    if budget.max_latency_milliseconds is not None:
        rows.append(_Row("Budget of time", f"at most {budget.max_latency_milliseconds} ms (p90)"))
    if budget.max_relative_latency is not None:
        rows.append(_Row("Against floats", f"at most {budget.max_relative_latency} times as long (p50)"))
    if budget.most_arena_bytes is not None:
        rows.append(_Row("Budget of memory", f"at most {budget.max_arena_bytes} ({budget.most_arena_bytes} bytes)"))
    return rows


def _benchmark(measured: Benchmark | None) -> list[_Row]:
    if measured is None:
        return []
    rows = []
    if measured.p50_milliseconds is not None:
        of_threads = f"with {measured.threads} thread{'s' if measured.threads != 1 else ''}"
        rows.append(_Row(f"Inference, {of_threads}", f"{measured.p50_milliseconds} ms"))
        rows.append(_Row("Nine in ten at most", f"{measured.p90_milliseconds} ms"))
    if measured.relative_latency is not None:
        rows.append(_Row("Time against floats", f"{measured.relative_latency}"))
    if measured.operators:
        rows += [_Row(f"In {one.name}", f"{100 * float(one.share):.0f} %") for one in measured.operators]
    if measured.arena_bytes is not None:
        rows.append(_Row("Memory of tensors", bytes_in_words(measured.arena_bytes)))
    return rows


def _quantization(asked: Quantization) -> list[_Row]:
    rows = [_Row("Quantization", asked.type)]
    if asked.io != "Float32":
        rows.append(_Row("Inputs and outputs", asked.io))
    if (calibration := asked.calibration) is not None:
        rows.append(_Row("Calibration", calibration.dataset or "random numbers (synthetic)"))
    if (kept := asked.keep_float) is not None:
        rows.append(_Row("Kept in floats", ", ".join((*(kept.operations or ()), *(kept.tensors or ())))))
    if (eights := asked.keep_int8) is not None:
        rows.append(_Row("Kept in 8 bits", ", ".join(eights.tensors)))
    if asked.is_per_tensor:
        rows.append(_Row("Scales", "one a tensor (granularity)"))
    if asked.type is QuantizationType.AUTO:
        rows.append(_Row("Candidates", ", ".join(asked.candidates)))
        rows.append(_Row("Trials", f"at most {asked.search.max_trials}"))
    return rows


def _target(asked: Target) -> str:
    """Return what is asked of a target, as the spec has it."""
    return ", ".join(str(value) if name == "name" else f"{name}: {value}" for name, value in asked.to_object().items())


def _metrics(
    measured: MeasuredError | None, spec: ConversionSpec
) -> list[tuple[MeasuredMetric, list[Estimate | None], str]]:
    """Return each metric with a figure for each column and what is asked of it."""
    if measured is None:
        return []
    has_published = measured.baseline is not None and measured.baseline.source == "Published"
    # Of metrics that there was no room for in the result the last are left out.
    return [
        (
            found,
            [found.model, *([found.baseline] if has_published else []), found.artifact, found.drop],
            gates_in_words(metric),
        )
        for found, metric in zip(measured.metrics or (), spec.metrics, strict=False)
    ]


def _source(model: ModelSource) -> str:
    """Return where a model comes from, without what may be a secret: a query often signs its address."""
    return model.source.address.partition("?")[0]


def _provenance(result: StepResult) -> list[_Row]:
    rows = [_Row("Target", targets.in_words(found)) for found in result.targets or ()]
    if (artifact := result.artifact) is not None:
        rows += [_Row("Artifact", artifact.uri), _Row("SHA-256", artifact.sha256)]
    if (made := result.provenance) is not None:
        rows += [
            _Row("Model's digest", made.model_digest),
            _Row("Recipe's hash", made.recipe_hash),
            _Row("TensorFlow", made.tensorflow),
            _Row("Strategy", made.strategy),
        ]
        if (samples := made.calibration) is not None:
            digest = f", {samples.digest}" if samples.digest else ""
            rows.append(_Row("Calibrated on", f"{samples.samples} samples ({samples.source}{digest})"))
    return rows


def _sizes(data: ReportData, result: StepResult, spec: ConversionSpec) -> dict[str, Any]:
    before, after = (sum(size.size_bytes for size in side) for side in (data.model_sizes, data.artifact_sizes))
    most = spec.budget.most_bytes if spec.budget is not None else None
    names = dict.fromkeys(size.dtype for size in (*data.model_sizes, *data.artifact_sizes))
    return {
        "size": bytes_in_words(result.artifact.size_bytes) if result.artifact is not None else "",
        "budget": bytes_in_words(most) if most is not None else None,
        "size_before": bytes_in_words(before),
        "share": f"{100 * after / before:.0f} %" if before else None,
        "size_rows": [(name, _of(data.model_sizes, name), _of(data.artifact_sizes, name)) for name in names],
        "size_chart": charts.sizes(data.model_sizes, data.artifact_sizes),
    }


def _of(sizes: Sequence[TypeSize], dtype: str) -> tuple[str, int] | None:
    found = [size for size in sizes if size.dtype == dtype]
    if not found:
        return None
    return bytes_in_words(sum(size.size_bytes for size in found)), sum(size.tensors for size in found)


def _output(output: OutputErrors, measured: MeasuredError | None) -> dict[str, Any]:
    known = measured.outputs or () if measured is not None else ()
    overall: OutputError | None = next((one for one in known if shown(one.name) == output.name), None)
    return {
        "errors": output,
        "overall": overall,
        "chart": charts.errors(output) if float(output.max_absolute_error) > 0 else None,
        "worst": [(sample, _shape(sample.position)) for sample in output.worst],
    }


def _trial_charts(made: Sequence[Trial]) -> list[tuple[Markup, str]]:
    """Return each chart that there are figures for, with its caption."""
    drawn = (
        (charts.trial_sizes(made), "Size against error: what is further to the right is nearer to the model."),
        (charts.trial_latencies(made), "Latency (nine in ten inferences took at most this long) against error."),
    )
    return [(chart, caption) for chart, caption in drawn if chart is not None]


def _chosen_yaml(chosen: ChosenQuantization | None) -> str | None:
    """Return what to write into the spec to get the artifact without a search; with the layers that were kept."""
    if chosen is None:
        return None
    return yaml.safe_dump({"spec": {"quantization": chosen.to_object()}}, sort_keys=False, width=10_000)


def _layers(layers: Layers, quantization: Quantization | ChosenQuantization) -> dict[str, Any]:
    worst_first = sorted(layers.layers, key=_decibels)
    finite = [_decibels(layer) for layer in worst_first if math.isfinite(_decibels(layer))]
    # Where errors add up, the order tells.
    listed = worst_first if layers.method == "Debugger" else list(layers.layers)
    chosen = {id(layer) for layer in worst_first[:_CHARTED_LAYERS]}
    charted = [layer for layer in listed if id(layer) in chosen]
    trial = layers.trial
    gain = float(trial.snr_after) - float(trial.snr_before) if trial is not None else 0.0
    return {
        "all": layers,
        "listed": listed,
        "chart": charts.layers(charted, max(finite, default=0.0)),
        "charted": len(charted),
        "marked": any(map(stands_out, charted)),
        "stands_out": stands_out,
        "large_steps": LARGE_STEPS,
        "trial": trial,
        "trial_size": bytes_in_words(trial.size_bytes) if trial is not None else "",
        "is_worth_it": trial is not None and gain >= _WORTH_DECIBELS,
        "yaml": keep_float_yaml(trial.tensors, quantization) if trial is not None else "",
    }


def _decibels(layer: LayerError) -> float:
    """Return a layer's ratio; where its figures are no numbers the lowest, so that it is seen."""
    found = float(layer.snr_decibels)
    return -math.inf if math.isnan(found) else found


def keep_float_yaml(tensors: Sequence[str], quantization: Quantization | ChosenQuantization) -> str:
    """Return what to write into the spec to leave these layers in floats beside those that are already."""
    kept = quantization.keep_float
    wanted: dict[str, list[str]] = {}
    if kept is not None and kept.operations:
        wanted["operations"] = list(kept.operations)
    before = kept.tensors or () if kept is not None else ()
    wanted["tensors"] = list(dict.fromkeys((*before, *tensors)))
    # Auto takes no layers to leave out: with what it chose the whole of it is to be written.
    chosen = quantization.to_object() if isinstance(quantization, ChosenQuantization) else {}
    written = {"spec": {"quantization": chosen | {"keepFloat": wanted}}}
    return yaml.safe_dump(written, sort_keys=False, width=10_000)


def _shape(dimensions: Sequence[int]) -> str:
    return f"[{', '.join(map(str, dimensions))}]"
