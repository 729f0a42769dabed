"""Suppression of overlapping boxes: LiteRT's always gives all rows, so what is not valid is cut off."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason

pytestmark = pytest.mark.tensorflow


def candidates(tf: Any, x: Any) -> tuple[Any, Any]:
    """How far apart sixteen boxes are, and so how many are left, is the input's size."""
    places = tf.reshape(x, [16, 1])
    return tf.concat([places, places, places + 1, places + 1], 1), tf.linspace(0.9, 0.1, 16)


def scored(tf: Any, _: Any, x: Any) -> Any:
    boxes, scores = candidates(tf, x)
    kept, kept_scores = tf.image.non_max_suppression_with_scores(boxes, scores, 12, iou_threshold=0.2)
    return {"boxes": tf.gather(boxes, kept), "scores": kept_scores}


def counted(tf: Any, _: Any, x: Any) -> Any:
    boxes, scores = candidates(tf, x)
    kept, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes, scores=scores, max_output_size=12, iou_threshold=0.2, score_threshold=0.0
    )
    return {"boxes": tf.gather(boxes, kept), "count": count}


def nested(tf: Any, weights: Any, x: Any) -> Any:
    return tf.function(lambda y: scored(tf, weights, y))(x + 0.0)


@pytest.mark.parametrize("call", [scored, counted, nested])
@pytest.mark.parametrize("kind", ["None", "Float16"])
def test_there_are_as_many_rows_as_in_the_model(tmp_path: Path, call: Any, kind: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    save(call, tmp_path / "model", x=([16], "float32"))
    converted = convert(tmp_path / "model", tmp_path, quantization={"type": kind}, minSnrDecibels=60)
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message
    runner = Interpreter(model_path=str(tmp_path / "output/model.tflite")).get_signature_runner()
    for step in (0.0, 0.3, 0.9, 5.0):
        x = np.arange(16, dtype=np.float32) * step
        assert runner(x=x)["boxes"].shape == expected(tmp_path / "model", x)


def expected(model: Path, x: Any) -> tuple[int, ...]:
    import tensorflow as tf

    given = tf.saved_model.load(str(model)).signatures["serving_default"](x=tf.constant(x))["boxes"]
    return tuple(given.shape)
