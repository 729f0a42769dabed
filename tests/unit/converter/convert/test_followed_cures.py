"""What a message says to write is written, and then the model converts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.convert.test_causes import refusal, save
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason

pytestmark = pytest.mark.tensorflow

SYNTHETIC: Final = {"calibration": {"synthetic": True}}
Changes = dict[str, Any]


def several(folder: Path) -> None:
    exported_models.several_signatures(folder)


def any_rank(folder: Path) -> None:
    save(lambda tf, _, x: {"y": tf.nn.relu(x) * 2.0}, folder, x=(None, "float32"))


def scaled(folder: Path) -> None:
    save(lambda _, weights, x: {"y": x * weights(200, 100)}, folder, x=([200, 100], "float32"))


def rough(folder: Path) -> None:
    """Eight bits of a range that one large constant makes wide."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.tanh((x @ weights(8, 8) + tf.constant([3e4] + [0.0] * 7)) - tf.constant([3e4] + [0.0] * 7))}

    save(call, folder, x=([2, 8], "float32"))


def counted_rows(folder: Path) -> None:
    """As many rows as there are large numbers: a few bits change that."""
    save(
        lambda tf, weights, x: {"y": tf.boolean_mask(x, (x @ weights(4, 4))[:, 0] > 0)}, folder, x=([64, 4], "float32")
    )


def until(folder: Path) -> None:
    """Roots by Newton's method: a step more or less, which few bits may cost, changes hardly anything."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        square = 1.0 + (x @ weights(4, 4)) ** 2
        far = lambda root: tf.reduce_max(tf.abs(root * root - square)) > 1e-2  # noqa: E731 - as TensorFlow wants it
        return {"y": tf.while_loop(far, lambda root: ((root + square / root) / 2.0,), [square])[0]}

    save(call, folder, x=([2, 4], "float32"))


def kind(name: str, **settings: Any) -> Changes:
    return {"quantization": {"type": name, **settings}, "minSnrDecibels": 10}


FOLLOWED: list[tuple[Callable[[Path], None], Changes, Reason, str, list[Changes]]] = [
    (
        several,
        {"signature": {"key": "absent"}},
        Reason.SIGNATURE_NOT_FOUND,
        "it has: encode, save, score, train",
        [{"signature": {"key": "encode"}}],
    ),
    (
        several,
        {"signature": {"key": "encode", "inputs": [{"name": "z", "shape": [1, 64]}]}},
        Reason.INPUT_NOT_FOUND,
        "encode has x: float32 [-1, 64]",
        [{"signature": {"key": "encode", "inputs": [{"name": "x", "shape": [1, 64]}]}}],
    ),
    (
        any_rank,
        {},
        Reason.INPUT_SHAPE_MISMATCH,
        "give its shape in signature.inputs",
        [{"signature": {"inputs": [{"name": "x", "shape": [2, 3]}]}}],
    ),
    (
        scaled,
        kind("DynamicRange"),
        Reason.QUANTIZATION_NOT_APPLIED,
        "type None or Float16, or accept it in floats with quantization.unquantizedUpTo: 80000",
        [kind("None"), kind("Float16"), kind("DynamicRange", unquantizedUpTo=80000)],
    ),
    (
        counted_rows,
        kind("WeightOnlyInt4"),
        Reason.VERIFICATION_FAILED,
        "use a gentler quantization.type",
        [kind("None")],
    ),
    (
        until,
        kind("Int8", **SYNTHETIC),
        Reason.OPERATION_NOT_QUANTIZABLE,
        "use quantization.type DynamicRange, Float16 or WeightOnlyInt8",
        [kind("DynamicRange"), kind("Float16"), kind("WeightOnlyInt8")],
    ),
    (
        rough,
        kind("Int8", **SYNTHETIC),
        Reason.VERIFICATION_FAILED,
        "verification.minSNRDecibels asks for 10 dB",
        [kind("DynamicRange"), kind("Float16")],
    ),
]


@pytest.mark.parametrize(("make", "asked", "reason", "words", "cures"), FOLLOWED)
def test_what_the_message_says_is_enough(
    tmp_path: Path, make: Callable[[Path], None], asked: Changes, reason: Reason, words: str, cures: list[Changes]
) -> None:
    make(tmp_path / "model")
    refused = refusal(tmp_path / "model", tmp_path, **asked)
    assert refused.reason is reason, refused.message
    assert words in refused.message
    for cure in cures:
        assert convert(tmp_path / "model", tmp_path, **cure).verdict is Reason.SNR_SUFFICIENT, cure


def test_operations_that_keep_float_names_wrongly_are_named_rightly(tmp_path: Path) -> None:
    exported_models.with_cosine(tmp_path / "model")
    wrong = kind("Int8", **SYNTHETIC, keepFloat={"operations": ["COSINE"]})
    refused = refusal(tmp_path / "model", tmp_path, **wrong)
    assert refused.reason is Reason.INVALID_SPEC
    assert "the artifact has: COS, " in refused.message
    right = kind("Int8", **SYNTHETIC, keepFloat={"operations": ["COS"]})
    assert convert(tmp_path / "model", tmp_path, **right).verdict is Reason.REAL_DATA_NOT_SEEN


def test_samples_that_a_model_takes_are_enough_where_generated_ones_are_not(tmp_path: Path) -> None:
    """The lengths of rows have to add up to their number."""

    def ragged(tf: Any, weights: Any, values: Any, lengths: Any) -> Any:
        rows = tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
        return {"y": tf.tanh(tf.reduce_sum(rows, 1) @ weights(4, 6))}

    save(ragged, tmp_path / "model", values=([12, 4], "float32"), lengths=([3], "int64"))
    refused = refusal(tmp_path / "model", tmp_path)
    assert refused.reason is Reason.VERIFICATION_FAILED
    assert "name inputs that it takes in verification.samples" in refused.message
    values = np.random.default_rng(1).normal(size=(10, 12, 4)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", values=values, lengths=np.array([[2, 3, 7]] * 10))
    fetched = {"path": str(tmp_path / "samples.npz"), "digest": f"sha256:{'0' * 64}"}
    given = {"verificationSamples": {}, "datasets": {"verification": fetched}}
    assert convert(tmp_path / "model", tmp_path, **given).verdict is Reason.SNR_SUFFICIENT


WITHOUT_ONEDNN: Final = """
import json, sys
from pathlib import Path
from tests.unit.converter.convert.test_conversion import convert
from tflite_converter.core.failure import StepFailure
try:
    found = convert(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps([found.verdict, found.message]))
except StepFailure as failure:
    print(json.dumps([failure.reason, failure.message]))
"""


def layered(tf: Any, weights: Any, x: Any, *, layout: str) -> Any:
    first = layout == "NCHW"
    strides = [1, 1, 2, 2] if first else [1, 2, 2, 1]
    y = tf.nn.conv2d(x, weights(3, 3, 3, 8), strides, "SAME", data_format=layout)
    y = tf.nn.max_pool2d(tf.nn.bias_add(y, weights(8), data_format=layout), 2, 2, "VALID", data_format=layout)
    return {"y": tf.reduce_mean(y, [2, 3] if first else [1, 2]) @ weights(8, 5)}


def test_channels_first_are_named_where_tensorflow_cannot_run_them_and_channels_last_convert(tmp_path: Path) -> None:
    """Where TensorFlow has oneDNN, as on most x86 processors, both convert; elsewhere it has no such kernels."""
    save(partial(layered, layout="NCHW"), tmp_path / "first", x=([1, 3, 16, 16], "float32"))
    save(partial(layered, layout="NHWC"), tmp_path / "last", x=([1, 16, 16, 3], "float32"))
    assert convert(tmp_path / "first", tmp_path).verdict is Reason.SNR_SUFFICIENT
    reason, message = without_onednn(tmp_path / "first", tmp_path)
    assert reason == Reason.UNSUPPORTED_OPERATION, message
    assert "channels first (data_format NCHW)" in message
    assert "export it with channels last" in message
    assert without_onednn(tmp_path / "last", tmp_path)[0] == Reason.SNR_SUFFICIENT


def without_onednn(model: Path, tmp_path: Path) -> tuple[str, str]:
    command = [sys.executable, "-c", WITHOUT_ONEDNN, str(model), str(tmp_path)]
    changed = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=changed, cwd=Path(__file__).parents[4]
    )
    reason, message = json.loads(done.stdout.splitlines()[-1])
    return reason, message


@pytest.mark.parametrize("name", ["None", "DynamicRange", "Int8", "Int16x8"])
def test_tensorflows_own_operations_are_allowed_with_a_type_that_takes_them(tmp_path: Path, name: str) -> None:
    exported_models.beyond_litert(tmp_path / "model")
    asked = kind(name, **(SYNTHETIC if name.startswith("Int") else {}))
    refused = refusal(tmp_path / "model", tmp_path, **asked)
    assert refused.reason is Reason.UNSUPPORTED_OPERATION
    assert "allow TensorFlow's own with ops.selectTF: true" in refused.message
    told = "and use quantization.type DynamicRange" in refused.message
    assert told == name.startswith("Int")
    cure = kind("DynamicRange") if told else asked
    assert convert(tmp_path / "model", tmp_path, selectTf=True, **cure).verdict is Reason.SELECT_TF
    if told:
        again = refusal(tmp_path / "model", tmp_path, selectTf=True, **asked)
        assert again.reason is Reason.OPERATION_NOT_QUANTIZABLE
        assert "the model needs MaxPool3D: use quantization.type DynamicRange" in again.message
