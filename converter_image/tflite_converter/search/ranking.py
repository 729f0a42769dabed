"""Having the layers of an artifact compared with the same in floats, in a child of its own: TensorFlow may crash."""

import logging
import secrets
from pathlib import Path
from typing import Final

from tflite_api.resource.quantization import KeepFloat
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.schema import Boolean, Schema
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import read_model
from tflite_converter.search.repair import Layer
from tflite_converter.worker import process, supervisor
from tflite_converter.worker.process import Child
from tflite_converter.worker.supervisor import Listener, Work

_LOG = logging.getLogger(__name__)
_MODULE: Final = "tflite_converter.search.layers"
LAYERS_FILE: Final = "layers.json"
_BYTES: Final = 4 * 1024**2
"""No honest list comes near it: it has at most 300 layers."""
_WORK: Final = Work("comparison of layers", OWN_CURE)


class LayersOrder(Schema):
    """What to compare."""

    kind: QuantizationType
    floats: str
    """The model's file in floats; for Int8 with the ranges of its activations."""
    reference_dir: str
    """The samples to compare on."""
    kept: KeepFloat
    """What is in floats already."""
    per_tensor: Boolean = False
    """Whether weights have one scale, and not one a channel."""
    folder: str
    """For the files that come of it."""
    proof: str = ""


class RankedLayers(Schema):
    """What came of it."""

    layers: tuple[Layer, ...]


def ranked(order: LayersOrder, timeout: float | None) -> tuple[Layer, ...]:
    """Return the layers that it is worth leaving out; none where they could not be compared.

    Args:
        order: what to compare.
        timeout: seconds after which it ends.
    """
    file, proof = Path(order.folder) / LAYERS_FILE, secrets.token_hex(16)
    sent = order.model_copy(update={"proof": proof}).model_dump_json(by_alias=True, exclude_none=True)
    listener = Listener(lambda _: None, lambda line: _LOG.debug("%s", line))
    with Child(process.command(_MODULE)) as child:
        end = supervisor.run(child, sent.encode(), listener, timeout)
    failure = supervisor.explain(end, None, proof, _WORK)
    try:
        if failure is not None:
            raise failure
        return read_model(file, RankedLayers, _BYTES).layers
    except (StepFailure, ValueError) as error:
        _LOG.warning("%s is not repaired, as its layers could not be compared: %s", order.kind, error)
        return ()
