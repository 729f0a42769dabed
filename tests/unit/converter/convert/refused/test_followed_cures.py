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
from tests.unit.converter.convert.refused.test_causes import refusal, save
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

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


def chosen(folder: Path, *, both: bool) -> None:
    """One of two layers, by what comes in."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        holds = tf.reduce_sum(x) > 0.0
        if both:
            return {"y": tf.where(holds, x @ weights(8, 4), tf.nn.relu(x) @ weights(8, 4))}
        return {"y": tf.cond(holds, lambda: x @ weights(8, 4), lambda: tf.nn.relu(x) @ weights(8, 4))}

    save(call, folder, x=([1, 8], "float32"))


def in_python(folder: Path, *, by_tensorflow: bool) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.tanh(x) if by_tensorflow else tf.numpy_function(np.tanh, [x], tf.float32)
        return {"y": tf.ensure_shape(y, [2, 8]) @ weights(8, 4)}

    save(call, folder, x=([2, 8], "float32"))


def in_doubles(folder: Path, *, retyped: bool) -> None:
    """A counter in half of the precision that LiteRT has kernels for cannot be given another type."""
    import tensorflow as tf

    kind = tf.float32 if retyped else tf.float16
    module = tf.Module()
    module.calls = tf.Variable(np.zeros(4), dtype=kind)
    spec = tf.TensorSpec([1, 4], kind, name="x")
    module.call = tf.function(lambda x: {"y": x * module.calls.assign_add(x[0])}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.call})


EXPORTED: list[tuple[Callable[[Path], None], Changes, Reason, str, Callable[[Path], None], Reason]] = [
    (
        partial(chosen, both=False),
        kind("Int8", **SYNTHETIC),
        Reason.OPERATION_NOT_QUANTIZABLE,
        "compute both sides and choose with tf.where",
        partial(chosen, both=True),
        Reason.REAL_DATA_NOT_SEEN,
    ),
    (
        partial(in_python, by_tensorflow=False),
        {},
        Reason.UNSUPPORTED_OPERATION,
        "export the model without tf.py_function and tf.numpy_function",
        partial(in_python, by_tensorflow=True),
        Reason.SNR_SUFFICIENT,
    ),
    (
        partial(exported_models.counting_in_session, resource=True),
        {"signature": {"key": "count"}},
        Reason.UNSUPPORTED_OPERATION,
        "export it as a tf.Module of TensorFlow 2, whose variables stay",
        exported_models.counting,
        Reason.SNR_SUFFICIENT,
    ),
    (
        partial(in_doubles, retyped=False),
        {},
        Reason.UNSUPPORTED_OPERATION,
        "export the model in float32",
        partial(in_doubles, retyped=True),
        Reason.SNR_SUFFICIENT,
    ),
]


@pytest.mark.parametrize(("make", "asked", "reason", "words", "make_again", "verdict"), EXPORTED)
def test_exported_as_the_message_says_it_converts(
    tmp_path: Path,
    make: Callable[[Path], None],
    asked: Changes,
    reason: Reason,
    words: str,
    make_again: Callable[[Path], None],
    verdict: Reason,
) -> None:
    make(tmp_path / "model")
    refused = refusal(tmp_path / "model", tmp_path, **asked)
    assert refused.reason is reason, refused.message
    assert words in refused.message
    make_again(tmp_path / "again")
    asked_again = {name: value for name, value in asked.items() if name != "signature"}
    assert convert(tmp_path / "again", tmp_path, **asked_again).verdict is verdict


def test_tags_that_the_model_has_are_enough(tmp_path: Path) -> None:
    exported_models.reference_variables(tmp_path / "model", tags=("serve", "cpu"))
    refused = refusal(tmp_path / "model", tmp_path, tags=["gpu"])
    assert refused.reason is Reason.TAGS_NOT_FOUND
    assert "it has: [cpu, serve]" in refused.message
    assert convert(tmp_path / "model", tmp_path, tags=["cpu", "serve"]).verdict is Reason.SNR_SUFFICIENT


GENERATOR: Final = np.random.default_rng(11)
TURNED: Final = np.linalg.qr(GENERATOR.normal(size=(32, 32)))[0].astype(np.float32)
"""What is a row of signs before it is turned is one again after."""


def signs(tf: Any, _: Any, x: Any) -> Any:
    return {"y": tf.sign(x @ tf.constant(TURNED))}


def beyond_100(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.math.log(x - 100.0) @ weights(32, 4)}


def triggered(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.floor(tf.sigmoid(x @ weights(32, 4) - 200.0) + 0.5)}


def divided(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.tanh(x @ weights(32, 4)) / tf.reduce_max(tf.nn.relu(x), 1, keepdims=True)}


def named_samples(folder: Path, values: Any, use: str) -> Changes:
    """Return what an order says of a dataset with these values."""
    np.savez(folder / "samples.npz", x=values.astype(np.float32))
    fetched = {"path": str(folder / "samples.npz"), "digest": f"sha256:{'0' * 64}"}
    return {"datasets": {use: fetched}} | ({"verificationSamples": {}} if use == "verification" else {})


ON_OTHERS: list[tuple[Callable[..., Any], Changes, Reason, str, Any]] = [
    (
        signs,
        kind("WeightOnlyInt4"),
        Reason.VERIFICATION_FAILED,
        "Name inputs that the model is made for in verification.samples",
        np.sign(GENERATOR.normal(size=(20, 1, 32))) @ TURNED.T,
    ),
    (
        beyond_100,
        {},
        Reason.NON_FINITE,
        "name inputs that it is made for in verification.samples",
        GENERATOR.uniform(101, 200, (20, 1, 32)),
    ),
    (
        triggered,
        {},
        Reason.INSENSITIVE,
        "name inputs that it responds to in verification.samples",
        GENERATOR.normal(0, 400, (20, 1, 32)),
    ),
]


@pytest.mark.parametrize(("call", "asked", "reason", "words", "values"), ON_OTHERS)
def test_samples_that_the_message_asks_for_are_enough(
    tmp_path: Path, call: Callable[..., Any], asked: Changes, reason: Reason, words: str, values: Any
) -> None:
    save(call, tmp_path / "model", x=([1, 32], "float32"))
    try:
        found = convert(tmp_path / "model", tmp_path, **asked)
        assert (found.verdict, words in found.message) == (reason, True), found.message
    except StepFailure as failure:
        assert (failure.reason, words in failure.message) == (reason, True), failure.message
    given = named_samples(tmp_path, values, "verification")
    assert convert(tmp_path / "model", tmp_path, **asked, **given).verdict is Reason.SNR_SUFFICIENT


def test_a_calibration_on_which_nothing_is_infinite_is_enough(tmp_path: Path) -> None:
    save(divided, tmp_path / "model", x=([1, 32], "float32"))
    refused = refusal(tmp_path / "model", tmp_path, **kind("Int8", **SYNTHETIC))
    assert refused.reason is Reason.OPERATION_NOT_QUANTIZABLE, refused.message
    assert "or name samples in quantization.calibration.dataset on which nothing is" in refused.message
    given = named_samples(tmp_path, GENERATOR.uniform(0.5, 1, (20, 1, 32)), "calibration")
    cured = kind("Int8", calibration={"dataset": "https://example.com/samples.npz"})
    assert convert(tmp_path / "model", tmp_path, **cured, **given).verdict is Reason.SNR_SUFFICIENT


def test_operations_that_keep_float_names_wrongly_are_named_rightly(tmp_path: Path) -> None:
    exported_models.with_cosine(tmp_path / "model")
    wrong = kind("Int8", **SYNTHETIC, keepFloat={"operations": ["COSINE"]})
    refused = refusal(tmp_path / "model", tmp_path, **wrong)
    assert refused.reason is Reason.INVALID_SPEC
    assert "the artifact has: COS, " in refused.message
    assert "Name those that it has" in refused.message
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
        command, capture_output=True, text=True, check=True, env=changed, cwd=Path(__file__).parents[5]
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
