"""What a refusal says of quantization and of samples is written, and then the model converts."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter import exported_models, scaled_models
from tests.unit.converter.convert.refused.conversions import FROM_FILE, SYNTHETIC, converted, kind, model, pinned
from tests.unit.converter.convert.refused.test_causes import save, trained_for_integers
from tests.unit.converter.convert.test_conversion import convert
from tests.unit.converter.convert.test_strategies import spectrogram
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_converter.artifact import layer_names
from tflite_converter.convert import tf_converter
from tflite_converter.core.step_files import ARTIFACT_FILE

pytestmark = pytest.mark.tensorflow

MISSED, NO_INTEGERS, INVALID = Reason.VERIFICATION_FAILED, Reason.OPERATION_NOT_QUANTIZABLE, Reason.INVALID_SPEC
NOT_APPLIED, FAILED = Reason.QUANTIZATION_NOT_APPLIED, Reason.CONVERSION_FAILED
GENERATOR = np.random.default_rng(11)
POSITIVE = GENERATOR.uniform(0.5, 1, (20, 1, 8))


def dense(tf: Any, weights: Any, x: Any, *, scale: float = 1.0) -> Any:
    return {"y": tf.nn.relu(x @ (weights(64, 32) * scale))}


def shares(tf: Any, weights: Any, x: Any) -> Any:
    """A quotient that LiteRT computes only where nothing is divided by 0, and TensorFlow always."""
    return {"y": tf.tanh(tf.math.floordiv(x @ weights(8, 4), tf.nn.relu(x[:, :1])))}


def steps(tf: Any, weights: Any, x: Any) -> Any:
    """A loop over as many steps as there are rows."""
    halved = lambda step, y: (step + 1, tf.tanh(y @ weights(4, 4)))  # noqa: E731 - as TensorFlow wants it
    return {"y": tf.while_loop(lambda step, _: step < tf.shape(x)[0], halved, [0, x])[1]}


def rows(tf: Any, weights: Any, x: Any) -> Any:
    """As many rows as there are large numbers: a few bits change that."""
    return {"y": tf.boolean_mask(x, (x @ weights(4, 4))[:, 0] > 0)}


def named_layers(quantized: str, field: str, named: str | None = None) -> Trial:
    """Return what converts with a layer that a field names; where none is given, one that the file in floats has."""

    def trial(folder: Path) -> None:
        scaled_models.two_layers(folder / "model")
        found = named
        if found is None:
            convert(folder / "model", folder)
            found = min(layer_names.short((folder / "output" / ARTIFACT_FILE).read_bytes()).values())
        settings = SYNTHETIC if quantized == "Int8" else {}
        asked = kind(quantized, **settings, **{field: {"tensors": [found]}})
        convert(folder / "model", folder, **asked | {"minSnrDecibels": 5})

    return trial


def depthwise(folder: Path) -> None:
    scaled_models.depthwise(folder, 256)


def sound(folder: Path) -> None:
    save(spectrogram, folder, sound=([1024, 1], "float32"))


FOLLOWED: list[Followed] = [
    *(
        followed(
            "look at the names in the artifact of type None", INVALID, named_layers(*at, "absent"), named_layers(*at)
        )
        for at in (("Int8", "keepFloat"), ("WeightOnlyInt4", "keepInt8"))
    ),
    followed(
        "leave out granularity, or use quantization.type WeightOnlyInt8",
        NO_INTEGERS,
        converted(depthwise, **kind("DynamicRange", granularity="PerTensor")),
        converted(depthwise, **kind("DynamicRange")),
        converted(depthwise, **kind("WeightOnlyInt8", granularity="PerTensor")),
    ),
    followed(
        "Use quantization.type None, which keeps them",
        NOT_APPLIED,
        converted(model(trained_for_integers, [1, 8, 8, 3]), **kind("Float16")),
        converted(model(trained_for_integers, [1, 8, 8, 3])),
    ),
    *(
        followed(
            "use quantization.type DynamicRange",
            NO_INTEGERS,
            converted(sound, **kind(name, **SYNTHETIC)),
            converted(sound, **kind("DynamicRange")),
        )
        for name in ("Int8", "Int16x8")
    ),
    followed(
        "Try another quantization.type, or change the model",
        FAILED,
        converted(exported_models.never_finite, **kind("Int16x8", **SYNTHETIC)),
        converted(exported_models.never_finite, Reason.NON_FINITE, **kind("DynamicRange")),
    ),
    followed(
        "set quantization.keepFloat.operations: [COS] to leave them so, or use another quantization.type",
        NO_INTEGERS,
        converted(exported_models.with_cosine, **kind("Int8", **SYNTHETIC)),
        converted(exported_models.with_cosine, **kind("Int8", **SYNTHETIC, keepFloat={"operations": ["COS"]})),
        converted(exported_models.with_cosine, **kind("DynamicRange")),
    ),
    followed(
        "use quantization.type Int8 with quantization.keepFloat.operations: [COS], or DynamicRange",
        NO_INTEGERS,
        converted(exported_models.with_cosine, **kind("Int16x8", **SYNTHETIC)),
        converted(exported_models.with_cosine, **kind("Int8", **SYNTHETIC, keepFloat={"operations": ["COS"]})),
        converted(exported_models.with_cosine, **kind("DynamicRange")),
    ),
    followed(
        "or pin that shape in signature.inputs",
        NO_INTEGERS,
        converted(model(steps, [None, 4]), **kind("Int8", **SYNTHETIC)),
        converted(model(steps, [None, 4]), **kind("Int8", **SYNTHETIC), **pinned(x=[3, 4])),
        converted(model(steps, [None, 4]), **kind("WeightOnlyInt8")),
    ),
    followed(
        "Use quantization.type DynamicRange or None, or export the model with other weights",
        NOT_APPLIED,
        converted(model(dense, [1, 64], scale=1e6), **kind("Float16")),
        converted(model(dense, [1, 64], scale=1e6), **kind("DynamicRange")),
        converted(model(dense, [1, 64], scale=1e6)),
        converted(model(dense, [1, 64]), **kind("Float16")),
    ),
    followed(
        "give samples that it takes in quantization.calibration.dataset",
        NO_INTEGERS,
        converted(model(shares, [1, 8]), **kind("Int8", **SYNTHETIC, keepFloat={"operations": ["FLOOR_DIV"]})),
        converted(
            model(shares, [1, 8]),
            on={"calibration": POSITIVE},
            **kind("Int8", **FROM_FILE, keepFloat={"operations": ["FLOOR_DIV"]}),
        ),
    ),
    followed(
        "Name inputs that it takes in verification.samples",
        MISSED,
        converted(model(shares, [1, 8]), **kind("DynamicRange")),
        converted(model(shares, [1, 8]), on={"verification": POSITIVE}, **kind("DynamicRange")),
    ),
    followed(
        "Try another quantization.type",
        MISSED,
        converted(
            model(rows, [64, 4]), on={"verification": GENERATOR.normal(size=(20, 64, 4))}, **kind("WeightOnlyInt4")
        ),
        converted(model(rows, [64, 4]), on={"verification": GENERATOR.normal(size=(20, 64, 4))}, **kind("None")),
    ),
    followed(
        "Use a gentler quantization.type, or lower verification.minSNRDecibels if the error is acceptable",
        MISSED,
        *(
            converted(model(dense, [1, 64]), on={"verification": GENERATOR.normal(size=(20, 1, 64))}, **asked)
            for asked in (
                kind("WeightOnlyInt4") | {"minSnrDecibels": 35},
                kind("WeightOnlyInt8") | {"minSnrDecibels": 35},
                kind("WeightOnlyInt4"),
            )
        ),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


def test_several_scales_are_left_where_granularity_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No converter gives several where one was asked for; one that did would be found out."""
    usual = tf_converter.convert

    def per_channel(folder: Path, settings: Any) -> bytes:
        asked = settings.quantization.model_copy(update={"granularity": None})
        return usual(folder, dataclasses.replace(settings, quantization=asked))

    monkeypatch.setattr(tf_converter, "convert", per_channel)
    int8 = kind("Int8", **SYNTHETIC)
    follow(
        followed(
            "leave out granularity",
            NOT_APPLIED,
            converted(model(dense, [1, 64]), **kind("Int8", **SYNTHETIC, granularity="PerTensor")),
            converted(model(dense, [1, 64]), **int8),
        ),
        tmp_path,
    )
