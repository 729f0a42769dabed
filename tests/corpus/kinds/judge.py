"""`python -m tests.corpus.kinds.judge FOLDER ARTIFACT KEY STATEFUL`: what an artifact gives in use, beside its model.

LiteRT and numpy alone, and nothing of the converter's: it is what is judged. Prints the worst output's SNR in dB.
"""

import math
import sys
from pathlib import Path
from typing import Final

import numpy as np

from tests.corpus.kinds.kind import Array
from tests.corpus.kinds.make import CALLS, EXPECTED, read

_EQUAL: Final = 0.9
"""Whole numbers are judged by how many are equal, where the SNR says little: a near tie that falls the other way."""


def judge(folder: Path, artifact: Path, key: str, *, stateful: bool) -> float:
    """Return the SNR (dB) of the worst output over all calls; infinite where there is no difference."""
    from ai_edge_litert.interpreter import Interpreter

    expected = read(folder / EXPECTED)
    interpreter = Interpreter(model_path=str(artifact))
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner(key)
    found = []
    for call in read(folder / CALLS):
        if not stateful:
            interpreter.reset_all_variables()
        found.append({name: np.array(value) for name, value in runner(**call).items()})
    return min(_ratio([one[name] for one in expected], [one[name] for one in found]) for name in expected[0])


def _ratio(expected: list[Array], found: list[Array]) -> float:
    if [one.shape for one in expected] != [one.shape for one in found]:
        return -math.inf
    wanted, given = (np.concatenate([one.ravel() for one in side]) for side in (expected, found))
    if wanted.dtype.kind in "iub" and np.mean(wanted == given) >= _EQUAL:
        return math.inf
    if wanted.dtype.kind != "c":
        wanted, given = wanted.astype(np.float64), given.astype(np.float64)
    noise, signal = float(np.sum(np.abs(wanted - given) ** 2)), float(np.sum(np.abs(wanted) ** 2))
    if not math.isfinite(noise):
        return -math.inf
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


if __name__ == "__main__":
    print(judge(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], stateful=sys.argv[4] == "True"))
