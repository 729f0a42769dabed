"""Saving functions of TensorFlow as models."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.corpus.kinds.kind import Array

Weights = Callable[..., Any]


def values(name: str, *shape: int, scale: float | None = None) -> Array:
    """Return numbers for a variable, always the same for a name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    spread = scale if scale is not None else max(int(np.prod(shape[:-1])), 1) ** -0.5
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


def save(folder: Path, call: Callable[..., Any], /, **inputs: tuple[list[int | None], str]) -> None:
    """Save a function of TensorFlow's module, a source of variables, and inputs by name, as `serving_default`."""
    import tensorflow as tf

    module = tf.Module()
    kept = dict[str, Any]()

    def weights(name: str, *shape: int, scale: float | None = None) -> Any:
        if name not in kept:
            with tf.init_scope():
                kept[name] = tf.Variable(values(name, *shape, scale=scale), name=name)
            setattr(module, f"kept_{name}", kept[name])
        return kept[name]

    module.call = tf.function(lambda **given: call(tf, weights, **given), autograph=False)
    specs = {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in inputs.items()}
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(**specs))
