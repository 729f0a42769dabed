"""Models of well-known architectures with random weights: real in size and structure, from 0.2 to 100 MB.

`python -m bench.keras_models NAME FOLDER` saves one as Keras exports it for serving.
"""

import sys
from typing import Any, Final

NAMES: Final = ("Dense", "MobileNet", "MobileNetV2", "EfficientNetB0", "DenseNet121", "ResNet50")
"""From the smallest to the largest."""
_MOBILE_NET_WIDTH: Final = 0.25
"""Of MobileNet's layers: keyword spotting and visual wake words use such small ones."""


def build(name: str) -> Any:  # noqa: ANN401 - Keras has no types
    """Build a model, always with the same weights.

    Raises:
        ValueError: there is none of this name.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    tf.keras.utils.set_random_seed(7)
    applications = tf.keras.applications
    match name:
        case "Dense":
            layers = tf.keras.layers
            return tf.keras.Sequential(
                [layers.Input((128,)), layers.Dense(256, activation="relu"), layers.Dense(64, activation="softmax")]
            )
        case "MobileNet":
            return applications.MobileNet(weights=None, alpha=_MOBILE_NET_WIDTH)
        case "MobileNetV2" | "EfficientNetB0" | "DenseNet121" | "ResNet50":
            return getattr(applications, name)(weights=None)
        case _:
            raise ValueError(f"no model is named {name}: use {', '.join(NAMES)}")


def main() -> None:
    """Save one model."""
    name, folder = sys.argv[1:3]
    build(name).export(folder, verbose=False)


if __name__ == "__main__":
    main()
