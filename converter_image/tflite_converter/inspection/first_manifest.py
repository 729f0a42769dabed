"""A first conversion.yaml for a model, with comments that say what may be changed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import yaml
from pydantic import ValidationError

from tflite_api.field_types import SecretReference
from tflite_api.names import API_VERSION, KIND
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import CALIBRATED, QuantizationType
from tflite_api.resource.spec import InputPin, Signature
from tflite_api.schema import describe
from tflite_api.sources.source import ARCHIVE_ENDS
from tflite_api.text import one_line
from tflite_converter.core.digests import bare
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.local_spec import LocalConversion, LocalModelSource
from tflite_converter.inspection.findings import InspectedGraph, InspectedSignature, InspectedTensor, Inspection

_NAME_CHARACTERS: Final = 50


@dataclass(frozen=True)
class Placement:
    """What a model cannot tell: how the conversion is called, and where its artifact goes."""

    name: str
    bucket: str
    secret: str
    endpoint: str | None = None


def suggested_name(model: LocalModelSource) -> str:
    """Make a name for a conversion of what a model's address tells: the model's own, without its version."""
    words = ARCHIVE_ENDS.sub("", "-".join(model.source.name_parts)).lower()
    return re.sub(r"[^a-z0-9]+", "-", words)[:_NAME_CHARACTERS].strip("-") or "model"


def empty(model: LocalModelSource, placement: Placement) -> str:
    """Write the file without what a model tells: enough to check what people chose before the model is fetched."""
    return "\n".join([*_head(model, placement), "spec:", *_source(model), *_destination(placement)]) + "\n"


def check(text: str) -> None:
    """Check a file against the schema of a conversion.

    Raises:
        ValidationError: naming the fields that do not fit.
    """
    LocalConversion.from_object(yaml.safe_load(text))


def compose(found: Inspection, placement: Placement) -> str:
    """Write the file.

    Args:
        found: a model that is not refused.
        placement: what people chose.

    Raises:
        StepFailure: InvalidSpec where the model has keys or tags that no conversion can name.
    """
    graph = next(graph for graph in found.graphs if graph.chosen)
    taken = [signature for signature in graph.signatures if signature.converted]
    lines = [
        *_head(found.model, placement),
        "spec:",
        *_model(found, graph),
        *_signature(taken),
        *_QUANTIZATION,
        *_destination(placement),
    ]
    text = "\n".join(lines) + "\n"
    try:
        check(text)
    except ValidationError as error:
        words = f"No conversion can name what this model has: {describe(error)}"
        raise StepFailure(Reason.INVALID_SPEC, words, "Export it with other names") from error
    return text


def _head(model: LocalModelSource, placement: Placement) -> Iterator[str]:
    yield f"# A conversion of {one_line(model.source.address)}, written by `tflite-convert init`."
    if model.is_local:
        yield "# It names a file of this machine, as `tflite-convert run` takes it; a cluster needs an https:// handle."
    yield f"apiVersion: {API_VERSION}"
    yield f"kind: {KIND}"
    yield "metadata:"
    yield f"  name: {_quoted(placement.name)}"


def _source(model: LocalModelSource) -> Iterator[str]:
    fields, source = model.to_object()[model.kind], model.source
    yield "  model:"
    if not isinstance(fields, dict):
        yield f"    {model.kind}: {_quoted(fields)}"
        return
    yield f"    {model.kind}:"
    # How buckets are named in addresses is nobody's first question; no address names a ConfigMap.
    left_out = {"secretRef", "addressingStyle", "caConfigMapRef"}
    yield from (f"      {name}: {_quoted(value)}" for name, value in fields.items() if name not in left_out)
    if source.CREDENTIALS:
        variables = " and ".join(name for name, may_be_absent in source.CREDENTIALS.items() if not may_be_absent)
        yield from _secret(source.secret, variables, source.EXAMPLE_SECRET)


def _secret(found: SecretReference | None, variables: str, example: str) -> Iterator[str]:
    """Name the Secret for a model, in a comment where it was fetched without credentials."""
    if found is None:
        yield f"      # Where not everybody may fetch it, a Secret of the conversion's namespace with {variables}:"
        mark, name = "# ", example
    else:
        yield f"      # A Secret of the conversion's namespace, with {variables}:"
        mark, name = "", found.name
    yield f"      {mark}secretRef:"
    yield f"      {mark}  name: {_quoted(name)}"


def _model(found: Inspection, graph: InspectedGraph) -> Iterator[str]:
    yield from _source(found.model)
    if len(found.graphs) > 1 and graph.tags:
        yield f"    tags: [{', '.join(map(_quoted, graph.tags))}]"
    yield "    # Refuses other files than those that were looked into; leave it out to follow the address."
    yield f"    {'# ' if found.model.is_local else ''}sha256: {_quoted(bare(found.digest))}"


def _signature(taken: Sequence[InspectedSignature]) -> Iterator[str]:
    yield "  signature:"
    if len(taken) == 1:
        yield f"    key: {_quoted(taken[0].key)}"
    else:
        yield f"    keys: [{', '.join(_quoted(signature.key) for signature in taken)}]"
    for signature in taken:
        outputs = "; ".join(f"{tensor.name}: {_described(tensor)}" for tensor in signature.outputs)
        yield f"    # {one_line(f'{signature.key} gives {outputs}')}"
        yield from (f"    # {one_line(note)}" for note in signature.notes)
    inputs = list(dict.fromkeys(tensor for signature in taken for tensor in signature.inputs))
    if not inputs:
        return
    pinned = _can_be_pinned(inputs)
    yield "    # -1 keeps a dimension flexible; most accelerators want every one fixed, for example the first at 1."
    mark = "" if pinned else "# "
    yield f"    {mark}inputs:"
    for tensor in inputs:
        yield f"    {mark}  - name: {_quoted(tensor.name)}"
        yield f"    {mark}    shape: {list(tensor.shape or ())}  # {one_line(tensor.dtype)}"


def _can_be_pinned(inputs: Sequence[InspectedTensor]) -> bool:
    """Return whether a spec can name these inputs with the shapes that they have."""
    if len({tensor.name for tensor in inputs}) < len(inputs) or any(tensor.shape is None for tensor in inputs):
        return False
    try:
        Signature(inputs=tuple(InputPin(name=tensor.name, shape=tensor.shape or ()) for tensor in inputs))
    except ValidationError:
        return False
    return True


def _described(tensor: InspectedTensor) -> str:
    return f"{tensor.dtype} {list(tensor.shape) if tensor.shape is not None else 'of unknown rank'}"


_QUANTIZATION: Final = (
    "  quantization:",
    "    # None         float32, as the model is",
    "    # Float16      half the size; for GPUs",
    "    # DynamicRange a quarter of the size, int8 weights; needs no samples",
    "    # Int8         a quarter of the size, integers throughout; for NPUs and microcontrollers; needs samples",
    "    type: None",
    f"    # For {' and '.join(CALIBRATED)}, samples to measure the ranges of activations on (.npz, TFRecord, images):",
    "    # calibration:",
    "    #   dataset: s3://datasets/calibration.npz",
    "  # The artifact is published only where it is this close to the model (dB); 0 measures and reports only.",
    "  # verification:",
    f"  #   minSNRDecibels: {QuantizationType.NONE.facts.min_snr_decibels}",
)


def _destination(placement: Placement) -> Iterator[str]:
    yield "  destination:"
    yield "    s3:"
    yield f"      bucket: {_quoted(placement.bucket)}"
    yield f"      key: {_quoted(f'{placement.name}.tflite')}"
    if placement.endpoint is None:
        yield "      # Any server that speaks S3; without it, AWS:"
        yield "      # endpoint: https://s3.example.com"
    else:
        yield f"      endpoint: {_quoted(placement.endpoint)}"
    yield "      # A Secret of the conversion's namespace, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY:"
    yield "      secretRef:"
    yield f"        name: {_quoted(placement.secret)}"


def _quoted(text: str) -> str:
    """Return a text as YAML: always in quotes, for readers disagree on which plain words are no text."""
    return str(yaml.safe_dump(text, default_style='"', allow_unicode=True, width=1 << 20)).strip()
