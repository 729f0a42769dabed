"""The script that people write: `python -m bench.usual_recipe SAVED_MODEL MODE ARTIFACT`.

What TensorFlow's documentation shows (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_quantization),
with random samples in the place of a representative dataset.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

_SAMPLES = 100


def main() -> None:
    """Convert."""
    folder, mode, artifact = sys.argv[1:4]
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    if mode != "None":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "Float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "Int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _random_samples(folder)
    Path(artifact).write_bytes(converter.convert())


def _random_samples(folder: str) -> Iterator[dict[str, Any]]:
    signatures = tf.saved_model.load(folder).signatures
    key = "serving_default" if "serving_default" in signatures else next(iter(signatures))
    specs = signatures[key].structured_input_signature[1]
    generator = np.random.default_rng(0)
    for _ in range(_SAMPLES):
        yield {
            name: generator.standard_normal([size or 1 for size in spec.shape.as_list()]).astype(
                spec.dtype.as_numpy_dtype
            )
            for name, spec in specs.items()
        }


if __name__ == "__main__":
    main()
