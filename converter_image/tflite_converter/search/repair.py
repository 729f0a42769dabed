"""Which layers to leave out of a quantization that misses a gate: pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from tflite_api.field_types import json_bytes
from tflite_api.resource.quantization import LAYER_NAME_CHARACTERS, MOST_KEPT_TENSORS
from tflite_api.resource.status import TrialOutcome
from tflite_api.schema import Schema

NAMES_BYTES: Final = 1200
"""Of the names of layers that are left out, as JSON: beside all else that is told of a conversion they have to
fit into a termination message of 4096 bytes."""


class Layer(Schema):
    """A layer of an artifact that misses a gate."""

    name: str
    """Of the tensor that it writes."""
    badness: float
    """How much is won where it is left out: the more, the sooner it is."""
    cost: int
    """By how many bytes the artifact grows then."""


def affordable(layers: Sequence[Layer], room: int | None) -> tuple[str, ...]:
    """Name the layers that could be left out, those that win the most first.

    Args:
        layers: of the artifact.
        room: by how many bytes it may grow; None where that is all the same.
    """
    worst_first = sorted(
        (layer for layer in layers if _can_be_named(layer.name)), key=lambda layer: layer.badness, reverse=True
    )
    taken: list[str] = []
    left = room
    for layer in worst_first:
        if left is not None and layer.cost >= left:
            continue
        if len(taken) == MOST_KEPT_TENSORS or json_bytes([*taken, layer.name]) > NAMES_BYTES:
            break
        taken.append(layer.name)
        left = left - layer.cost if left is not None else None
    return tuple(taken)


def next_count(total: int, tried: Mapping[int, TrialOutcome]) -> int | None:
    """Return how many of the worst layers to leave out next; None where nothing is left to find out.

    All of them come first: where that does not help, less of it does not. Then what lies between the most that miss and
    the fewest that hold, or are too large, is halved.

    Args:
        total: how many there are; fewer than before where something smaller has been found since.
        tried: what came of leaving so many.
    """
    low = max((count for count, outcome in tried.items() if outcome in {"Missed", "Failed"}), default=0)
    enough = (count for count, outcome in tried.items() if outcome not in {"Missed", "Failed"} and count <= total)
    high = min(enough, default=None)
    if high is None:
        return total if low < total else None
    return (low + high) // 2 if high - low > 1 else None


def _can_be_named(name: str) -> bool:
    return 0 < len(name) <= LAYER_NAME_CHARACTERS and name.isprintable()
