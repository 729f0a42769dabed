"""A model that is exported, uploaded or called as the refusal says converts."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.convert.refused import test_causes
from tests.unit.converter.convert.refused.conversions import SYNTHETIC, Make, converted, kind, model, pinned
from tests.unit.converter.convert.refused.test_damaged_models import (
    as_saved_by,
    cut_off,
    edit,
    remove,
    unknown_operation,
    v1_model,
)
from tests.unit.converter.convert.rewriting.test_retyping import in_and_out_of_float32
from tests.unit.converter.followed import Followed, follow, followed
from tflite_api.reasons import Reason

pytestmark = pytest.mark.tensorflow

NOT_LOADED, LACKING, FAILED = Reason.MODEL_LOAD_FAILED, Reason.UNSUPPORTED_OPERATION, Reason.CONVERSION_FAILED
CHECKPOINT = "upload or pack the whole SavedModel folder again"
GENERATOR = np.random.default_rng(11)
WHOLE = exported_models.pinned_to_gpu


def harmed(harm: Callable[[Path], object], make: Make = WHOLE) -> Make:
    def made(folder: Path) -> None:
        make(folder)
        harm(folder)

    return made


def by_release(version: str | None = None, change: Any = lambda _: None, make: Make = WHOLE) -> Make:
    """Return what saves a model as if another TensorFlow had, or this one where no version is given."""

    def made(folder: Path) -> None:
        import tensorflow as tf

        make(folder)
        as_saved_by(folder, version or tf.__version__, change)

    return made


def many_signatures(count: int) -> Make:
    def add(graph: Any) -> None:
        for number in range(count):
            graph.signature_def[f"more_{number}"].CopyFrom(graph.signature_def["serving_default"])

    return harmed(lambda folder: edit(folder, add))


def incomplete(folder: Path) -> None:
    """A signature that lacks an input, beside a whole one."""

    def cut(graph: Any) -> None:
        graph.signature_def["whole"].CopyFrom(graph.signature_def["serving_default"])
        del graph.signature_def["serving_default"].inputs["keep"]

    v1_model(folder)
    edit(folder, cut)


def rows(_: Any, weights: Any, x: Any) -> Any:
    return {"y": x @ weights(8, 4)}


def angles(tf: Any, _: Any, x: Any, *, spread: bool) -> Any:
    other = tf.constant(np.full((2, 1), 1.5, np.float32))
    return {"y": tf.math.atan2(x, tf.broadcast_to(other, [2, 2]) if spread else other)}


def growth(tf: Any, weights: Any, x: Any, *, of_litert: bool) -> Any:
    y = tf.tanh(x @ weights(8, 4))
    return {"y": y if of_litert else y + tf.math.sinh(y)}


def rooted(tf: Any, weights: Any, x: Any, *, of_litert: bool) -> Any:
    """A root of a matrix, which neither LiteRT nor the Flex delegate has."""
    y = tf.tanh(x @ weights(4, 4))
    return {"y": y if of_litert else y + tf.linalg.sqrtm(tf.eye(4) + x @ tf.transpose(x))}


def simulated(tf: Any, weights: Any, x: Any, *, integers: bool) -> Any:
    fake = tf.quantization.quantize_and_dequantize_v2 if integers else lambda value, *_, **__: value
    return {"y": fake(x, -4.0, 4.0, range_given=True) @ fake(weights(16, 64), -1.0, 1.0, range_given=True)}


def chaotic(tf: Any, _: Any, x: Any) -> Any:
    """As many steps as there are columns of a map that doubles what rounding is off by, and keeps 0 and 1."""
    steps = lambda step, y: (step + 1, y * tf.exp(2.9 * (1.0 - y)))  # noqa: E731 - as TensorFlow wants it
    start = tf.abs(x[:, :1]) + 0.0 * tf.reduce_sum(x)
    return {"y": tf.while_loop(lambda step, _: step < tf.shape(x)[1], steps, [0, start])[1]}


FLOATS = "Name inputs that the model is made for in verification.samples, or pin other shapes in signature.inputs"
BITS = GENERATOR.integers(0, 2, (20, 1, 40))
V1 = exported_models.reference_variables


def until_one_is_large(tf: Any, weights: Any, x: Any, *, grows: bool) -> Any:
    """Collect what each step gives, in a list that grows or in one that has the room from the first."""

    def step(i: Any, h: Any, kept: Any) -> Any:
        h = tf.tanh(h @ weights(8, 8))
        row = h[:, 0]
        return i + 1, h, tf.concat([kept, row], 0) if grows else tf.concat([kept[1:], row], 0)

    def more(i: Any, h: Any, _: Any) -> Any:
        return tf.logical_or(i < 1, tf.logical_and(i < 9, tf.reduce_max(h) < 0.9))

    begin = (0, x, tf.zeros([0 if grows else 9]))
    shapes = (tf.TensorShape([]), tf.TensorShape([1, 8]), tf.TensorShape([None if grows else 9]))
    return {"y": tf.while_loop(more, step, begin, shape_invariants=shapes)[2]}


FOLLOWED: list[Followed] = [
    followed(
        "Export it with that version or an older one",
        LACKING,
        converted(by_release("2.99.0", unknown_operation)),
        converted(by_release()),
        converted(by_release("2.4.0")),
    ),
    followed(
        "Export it without them",
        LACKING,
        converted(by_release("1.4.0", unknown_operation, V1)),
        converted(by_release("1.4.0", make=V1)),
    ),
    followed(CHECKPOINT, NOT_LOADED, converted(harmed(remove("variables/variables.index"))), converted(WHOLE)),
    followed(
        "Export the model again, and upload it whole",
        NOT_LOADED,
        converted(harmed(cut_off("saved_model.pb"))),
        converted(WHOLE),
    ),
    followed(
        "Export it with those alone that are to be converted",
        NOT_LOADED,
        converted(many_signatures(256)),
        converted(many_signatures(255)),
    ),
    followed(
        "Export it with all inputs that it needs, or choose another with signature.key",
        NOT_LOADED,
        converted(incomplete),
        converted(v1_model),
        converted(incomplete, signature={"key": "whole"}),
    ),
    followed(
        "Use other shapes in signature.inputs, or change the model",
        FAILED,
        converted(model(rows, [None, None]), **pinned(x=[1, 7])),
        converted(model(rows, [None, None]), **pinned(x=[1, 8])),
    ),
    followed(
        "Export the model with what it names computed in another way",
        FAILED,
        converted(model(angles, [2, 2], spread=False)),
        converted(model(angles, [2, 2], spread=True)),
    ),
    followed(
        "Export it without them, or allow TensorFlow's own with ops.selectTF: true",
        LACKING,
        converted(model(growth, [1, 8], of_litert=False)),
        converted(model(growth, [1, 8], of_litert=True)),
        converted(model(growth, [1, 8], of_litert=False), Reason.SELECT_TF, selectTf=True),
    ),
    followed(
        "Export it without them",
        LACKING,
        converted(model(rooted, [4, 4], of_litert=False)),
        converted(model(rooted, [4, 4], of_litert=True)),
    ),
    followed(
        "or export the model without the quantization that it simulates",
        FAILED,
        converted(model(simulated, [1, 16], integers=True), **kind("Float16")),
        converted(model(simulated, [1, 16], integers=True), **kind("Int8", **SYNTHETIC)),
        converted(model(simulated, [1, 16], integers=False), **kind("Float16")),
    ),
    followed(
        "which it reaches, or export the model without the quantization that it simulates",
        Reason.VERIFICATION_FAILED,
        converted(model(simulated, [1, 16], integers=True)),
        converted(model(simulated, [1, 16], integers=False)),
    ),
    followed(
        "which it reaches, or export the model in float32",
        Reason.VERIFICATION_FAILED,
        converted(partial(in_and_out_of_float32, "bfloat16"), minSnrDecibels=90),
        converted(partial(in_and_out_of_float32, "float32"), minSnrDecibels=90),
    ),
    followed(
        "export it with an fft_length of 256, 512, 1024 and so on",
        LACKING,
        converted(lambda folder: spectrogram(folder, 400)),
        converted(lambda folder: spectrogram(folder, 512)),
    ),
    *(
        followed(
            "Export it with loops whose variables keep their shapes from step to step",
            Reason.VERIFICATION_FAILED,
            converted(model(until_one_is_large, [1, 8], grows=True), **asked),
            converted(model(until_one_is_large, [1, 8], grows=False), **asked),
        )
        for asked in ({}, kind("Float16"))
    ),
    followed(
        FLOATS,
        Reason.VERIFICATION_FAILED,
        converted(model(chaotic, [1, None])),
        converted(model(chaotic, [1, None]), on={"verification": BITS}),
        converted(model(chaotic, [1, None]), **pinned(x=[1, 2])),
    ),
]


def spectrogram(folder: Path, length: int) -> None:
    def call(tf: Any, _: Any, waveform: Any) -> Any:
        return {"y": tf.abs(tf.signal.stft(waveform, 400, 160, length))}

    test_causes.save(call, folder, waveform=([2000], "float32"))


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
