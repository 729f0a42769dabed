"""`python -m tests.corpus.kinds.make KIND FOLDER`: the model of a kind, its calibration data, and what it gives in use.

What it gives is computed here, by TensorFlow on a fresh load of the model and by nothing of the converter's.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.corpus.kinds import table_of_kinds
from tests.corpus.kinds.kind import Array, Call, Kind

MODEL: Final = "model"
DATASET: Final = "calibration.npz"
CALLS: Final = "calls.npz"
EXPECTED: Final = "expected.npz"
_CALIBRATED_ON, _USED_WITH = 1, 2
_CALIBRATION_CALLS, _CALLS_IN_USE = 40, 20


def make(kind: Kind, folder: Path) -> None:
    """Write everything of a kind into a new folder; without `expected.npz` where TensorFlow cannot run the model."""
    folder.mkdir(parents=True)
    kind.save(folder / MODEL)
    _write(folder / DATASET, _stacked(kind.calls(_CALIBRATED_ON, _CALIBRATION_CALLS)))
    calls = kind.calls(_USED_WITH, _CALLS_IN_USE)
    _write(folder / CALLS, _numbered(calls))
    if kind.reference is not None:
        kind.reference(folder / "reference")
    computed = _computed(folder / ("reference" if kind.reference is not None else MODEL), kind.key, calls)
    if computed is not None:
        _write(folder / EXPECTED, _numbered(computed))


def read(path: Path) -> list[dict[str, Array]]:
    """Read the calls, or what came of them, in their order."""
    found: dict[int, dict[str, Array]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for name, array in arrays.items():
            number, _, tensor = name.partition("/")
            found.setdefault(int(number), {})[tensor] = array
    return [found[number] for number in sorted(found)]


def _computed(folder: Path, key: str, calls: Sequence[Call]) -> list[dict[str, Array]] | None:
    import tensorflow as tf

    model = tf.saved_model.load(str(folder), tags=["serve"])
    function = model.signatures[key] if model.signatures else model.__call__
    try:
        return [{name: value.numpy() for name, value in function(**_tensors(tf, call)).items()} for call in calls]
    except (tf.errors.OpError, ValueError) as error:
        print(f"TensorFlow cannot run it: {error}", file=sys.stderr)
        return None


def _tensors(tf: Any, call: Call) -> dict[str, Any]:
    return {name: tf.constant(value) for name, value in call.items()}


def _stacked(calls: Sequence[Call]) -> dict[str, Array]:
    return {name: np.stack([call[name] for call in calls]) for name in calls[0]}


def _numbered(calls: Sequence[Call]) -> dict[str, Array]:
    return {f"{number}/{name}": np.asarray(value) for number, call in enumerate(calls) for name, value in call.items()}


def _write(path: Path, arrays: dict[str, Array]) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


if __name__ == "__main__":
    make(table_of_kinds.named(sys.argv[1]), Path(sys.argv[2]))
