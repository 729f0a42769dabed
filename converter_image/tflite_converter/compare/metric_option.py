"""Metrics as they are written on a command line: a name, and what it is measured on, with commas between."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from tflite_api.resource.metrics import Metric
from tflite_api.schema import describe

_EXAMPLE: Final = "write for example Top1Accuracy,output=scores,labels=label,maxDrop=0.01"


def parse(text: str) -> Metric:
    """Return the metric that a text asks for.

    Raises:
        ValueError: it is none, with what to write instead.
    """
    name, *settings = text.split(",")
    fields = {"name": name}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals or field in fields:
            words = f"names {field} twice" if equals else f"{setting or 'an empty part'} has no value"
            raise ValueError(f"{text}: {words}: {_EXAMPLE}")
        fields[field] = value
    if "baseline" in fields:
        raise ValueError(f"{text}: the baseline is REFERENCE here: leave baseline out")
    try:
        return Metric.model_validate(fields, strict=False)
    except ValidationError as error:
        raise ValueError(f"{text}: {describe(error)}: {_EXAMPLE}") from error


def in_options(words: str, metrics: Sequence[Metric]) -> str:
    """Return what is said of a spec's fields in the words of the command line."""
    for number, metric in enumerate(metrics):
        words = words.replace(f"verification.metrics[{number}].output", f"--metric {metric.name}: output")
        words = words.replace(f"verification.metrics[{number}]", f"--metric {metric.name}")
    for field, option in (
        # The shapes of what is compared are what they are.
        ("pin its shapes in signature.inputs, or ", ""),
        ("verification.samples.maxSamples", "--max-samples"),
        ("verification.samples.dataset", "--samples"),
        ("verification.samples", "--samples"),
        ("verification.metrics", "--metric"),
        ("maxSamples", "--max-samples"),
    ):
        words = words.replace(field, option)
    return words
