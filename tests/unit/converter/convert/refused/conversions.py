"""Conversions that are tried in a folder of their own, as `followed.py` wants them."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert
from tests.unit.converter.followed import Trial
from tflite_api.reasons import Reason

SYNTHETIC: Final[dict[str, Any]] = {"calibration": {"synthetic": True}}
FROM_FILE: Final[dict[str, Any]] = {"calibration": {"dataset": "https://example.com/samples.npz"}}
PASSED: Final = frozenset({Reason.SNR_SUFFICIENT, Reason.REAL_DATA_NOT_SEEN})
Make = Callable[[Path], object]


def kind(name: str, **settings: Any) -> dict[str, Any]:
    """Return what an order says of a type, with a gate that eight bits hold."""
    return {"quantization": {"type": name, **settings}, "minSnrDecibels": 10}


def pinned(**shapes: list[int]) -> dict[str, Any]:
    return {"signature": {"inputs": [{"name": name, "shape": shape} for name, shape in shapes.items()]}}


def model(call: Callable[..., Any], shape: list[int | None], **settings: Any) -> Make:
    """Return what saves a function of TensorFlow, weights and an input x of floats."""
    return lambda folder: save(partial(call, **settings), folder, x=(shape, "float32"))


def converted(make: Make, verdict: Reason | None = None, *, on: Mapping[str, Any] | None = None, **asked: Any) -> Trial:
    """Return what makes a model and converts it.

    Args:
        make: saves the model in a folder.
        verdict: that has to come out; None for one that says that the artifact passed.
        on: values of the input x by what they are for: verification or calibration.
        asked: of the order.
    """

    def trial(folder: Path) -> None:
        make(folder / "model")
        datasets = {use: _written(folder / f"{use}.npz", values) for use, values in (on or {}).items()}
        given: dict[str, Any] = {"datasets": datasets} if datasets else {}
        if "verification" in datasets:
            given["verificationSamples"] = {}
        found = convert(folder / "model", folder, **asked, **given)
        assert found.verdict in ({verdict} if verdict else PASSED), found.message

    return trial


def _written(file: Path, values: Any) -> dict[str, str]:
    np.savez(file, x=values.astype(np.float32))
    return {"path": str(file), "digest": f"sha256:{'0' * 64}"}
