"""Small models that are trained here, each with the metric that its user would judge it by."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.labelled import data
from bench.labelled.data import Labelled

INPUT: Final = "x"
_SEED: Final = 20


@dataclass(frozen=True)
class Task:
    """A model with its data."""

    name: str
    metric: str
    labelled: Callable[[Path | None], Labelled]
    """Takes the wheel of scikit-learn, where that is not installed."""
    layers: Callable[[Any], list[Any]]
    """Takes Keras' layers."""
    loss: str
    epochs: int
    most_drop: str
    """What its user would give up at most, in the metric's own unit: what type Auto is asked to hold."""


def _digits(layers: Any) -> list[Any]:  # noqa: ANN401 - Keras has no types
    return [
        layers.Input((8, 8, 1), name=INPUT),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def _table(layers: Any) -> list[Any]:  # noqa: ANN401 - Keras has no types
    return [
        layers.Input((10,), name=INPUT),
        layers.Dense(64, activation="relu"),
        layers.Dense(64, activation="relu"),
        layers.Dense(1),
    ]


def _words(layers: Any) -> list[Any]:  # noqa: ANN401 - Keras has no types
    """Return a network of separable convolutions as in Zhang et al., Hello Edge, 2017, in small."""
    found = [
        layers.Input((49, 40, 1), name=INPUT),
        layers.Conv2D(32, (10, 4), strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]
    for _ in range(3):
        found += [
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(32, 1, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]
    return [*found, layers.GlobalAveragePooling2D(), layers.Dense(data.WORDS, activation="softmax")]


_CLASSES: Final = "sparse_categorical_crossentropy"
TASKS: Final = (
    Task("digits", "Top1Accuracy", data.digits, _digits, _CLASSES, 25, "0.01"),
    Task("table", "RootMeanSquaredError", lambda _: data.table(), _table, "mse", 40, "0.05"),
    Task("words", "Top1Accuracy", lambda _: data.words(), _words, _CLASSES, 12, "0.01"),
)


def train(task: Task, labelled: Labelled, folder: Path) -> str:
    """Train the model of a task, export it into `folder`, and return the name of its output."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    tf.keras.utils.set_random_seed(_SEED)
    model = tf.keras.Sequential(task.layers(tf.keras.layers))
    model.compile(tf.keras.optimizers.Adam(2e-3), task.loss)
    model.fit(*labelled.train, batch_size=64, epochs=task.epochs, verbose=0)
    model.export(str(folder), verbose=False)
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return str(next(iter(signature.structured_outputs)))
