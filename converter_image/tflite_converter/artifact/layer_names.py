"""Names of layers: the converter calls a tensor after all operations that it fused into one, the first one first."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from tflite_converter.artifact import flatbuffer

_BETWEEN: Final = ";"


def full(asked: Iterable[str], content: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of tensors of a file that are meant, and what is asked for that means none of them.

    Args:
        asked: names, or the first of the operations in a layer's name where no other layer's begins with it.
        content: the file.
    """
    names, by_first = flatbuffer.tensor_names(content), dict[str, list[str]]()
    for name in flatbuffer.layer_names(content):
        by_first.setdefault(_first(name), []).append(name)
    found: list[str] = []
    unknown: list[str] = []
    for name in asked:
        meant = [name] if name in names else by_first.get(name, [])
        (found if len(meant) == 1 else unknown).append(meant[0] if len(meant) == 1 else name)
    return tuple(found), tuple(sorted(unknown))


def short(content: bytes) -> dict[str, str]:
    """Return for the name of each layer of a file the shortest that means it."""
    layers, names = flatbuffer.layer_names(content), flatbuffer.tensor_names(content)
    count = Counter(map(_first, layers))
    return {name: _first(name) if count[_first(name)] == 1 and _first(name) not in names else name for name in layers}


def _first(name: str) -> str:
    return name.partition(_BETWEEN)[0]
