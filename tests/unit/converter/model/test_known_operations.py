"""What is said of operations before anything is tried is what TensorFlow's converter says when it tries."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.inspection.test_findings import inspect, signatures
from tflite_converter.model import operations
from tflite_converter.model.operations import known_lacking

pytestmark = pytest.mark.tensorflow

_OF_ONE = ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Digamma", "Sinh", "Tan")
_OF_TWO = {
    "Igamma": ("a", "x"),
    "Igammac": ("a", "x"),
    "Polygamma": ("a", "x"),
    "Zeta": ("x", "q"),
    "Cross": ("a", "b"),
}
_OF_A_MATRIX = ("Cholesky", "MatrixDeterminant", "MatrixInverse")
_OF_TWO_MATRICES = ("MatrixSolve", "MatrixTriangularSolve")
_OF_COMPLEX_NUMBERS = ("FFT", "FFT2D", "FFT3D", "IFFT", "IFFT2D")
_OF_COLOURS = ("HSVToRGB", "RGBToHSV")
_OF_SEGMENTS = ("SegmentMax", "SegmentMean", "SegmentProd")


def calls(raw: Any, x: Any) -> dict[str, Callable[[], Any]]:
    """Return a call of every operation, on x: float32 [3, 3] with values that vary."""
    import tensorflow as tf

    image, volume = tf.reshape(x, [1, 3, 3, 1]), tf.reshape(tf.tile(x, [3, 1]), [1, 3, 3, 3, 1])
    coloured, whole = tf.tile(image, [1, 1, 1, 3]), tf.cast(x, tf.int32)
    window = {"strides": [1, 1, 1, 1], "padding": "VALID"}
    deep = {"ksize": [1, 2, 2, 2, 1], "strides": [1, 1, 1, 1, 1], "padding": "VALID"}
    numbers = tf.complex(volume[..., 0], volume[..., 0])

    def real_part(name: str) -> Any:
        return tf.math.real(getattr(raw, name)(input=numbers))

    found: dict[str, Callable[[], Any]] = {name: partial(getattr(raw, name), x=x) for name in _OF_ONE}
    found |= {name: partial(getattr(raw, name), **dict.fromkeys(names, x)) for name, names in _OF_TWO.items()}
    found |= {name: partial(getattr(raw, name), input=x) for name in _OF_A_MATRIX}
    found |= {name: partial(getattr(raw, name), matrix=x, rhs=x) for name in _OF_TWO_MATRICES}
    found |= {name: partial(getattr(raw, name), images=coloured) for name in _OF_COLOURS}
    found |= {name: partial(real_part, name) for name in _OF_COMPLEX_NUMBERS}
    found |= {name: partial(getattr(raw, name), data=x, segment_ids=[0, 0, 1]) for name in _OF_SEGMENTS}
    return found | {
        "AdjustContrastv2": lambda: raw.AdjustContrastv2(images=coloured, contrast_factor=2.0),
        "AdjustHue": lambda: raw.AdjustHue(images=coloured, delta=0.1),
        "AdjustSaturation": lambda: raw.AdjustSaturation(images=coloured, scale=2.0),
        "AvgPool3D": lambda: raw.AvgPool3D(input=volume, **deep),
        "Betainc": lambda: raw.Betainc(a=x, b=x, x=x),
        "Bincount": lambda: raw.Bincount(arr=whole, size=5, weights=tf.constant([], tf.float32)),
        "BitwiseAnd": lambda: raw.BitwiseAnd(x=whole, y=whole),
        "CTCGreedyDecoder": lambda: raw.CTCGreedyDecoder(inputs=image[..., 0], sequence_length=[1, 1, 1])[3],
        "CropAndResize": lambda: raw.CropAndResize(
            image=image, boxes=[[0.0, 0.0, 1.0, 1.0]], box_ind=[0], crop_size=[2, 2]
        ),
        "Cumprod": lambda: raw.Cumprod(x=x, axis=0),
        "Dilation2D": lambda: raw.Dilation2D(input=coloured, filter=tf.ones([2, 2, 3]), rates=[1, 1, 1, 1], **window),
        "DynamicPartition": lambda: raw.DynamicPartition(data=x, partitions=[0, 1, 1], num_partitions=2)[0],
        "ExtractImagePatches": lambda: raw.ExtractImagePatches(
            images=image, ksizes=[1, 2, 2, 1], rates=[1, 1, 1, 1], **window
        ),
        "InTopKV2": lambda: tf.cast(raw.InTopKV2(predictions=x, targets=[0, 1, 2], k=1), tf.float32),
        "MaxPool3D": lambda: raw.MaxPool3D(input=volume, **deep),
        "MaxPoolWithArgmax": lambda: raw.MaxPoolWithArgmax(input=image, ksize=[1, 2, 2, 1], **window)[0],
        "Qr": lambda: raw.Qr(input=x)[0],
        "RandomShuffle": lambda: raw.RandomShuffle(value=x),
        "ResizeArea": lambda: raw.ResizeArea(images=image, size=[2, 2]),
        "ResizeBicubic": lambda: raw.ResizeBicubic(images=image, size=[8, 8]),
        "SelfAdjointEigV2": lambda: raw.SelfAdjointEigV2(input=x)[0],
        "SparseTensorDenseMatMul": lambda: raw.SparseTensorDenseMatMul(
            a_indices=tf.constant([[0, 0]], tf.int64), a_values=[1.0], a_shape=tf.constant([2, 3], tf.int64), b=x
        ),
        "Svd": lambda: raw.Svd(input=x)[0],
        "UniqueV2": lambda: raw.UniqueV2(x=x, axis=[0])[0],
    }


def test_every_operation_that_is_called_lacking_is_refused_by_the_converter() -> None:
    import tensorflow as tf

    module = tf.Module()
    names = set[str]()

    def every(x: Any) -> dict[str, Any]:
        found = calls(tf.raw_ops, x)
        names.update(found)
        return {name: call() for name, call in found.items()}

    module.every = tf.function(every, autograph=False)
    concrete = module.every.get_concrete_function(tf.TensorSpec([3, 3], tf.float32))
    assert set(known_lacking(names)) == names == set(operations._LACKING)
    with pytest.raises(Exception, match="failed") as caught:
        tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert()
    assert names - set(operations.named_in(str(caught.value))) == set()


def test_an_operation_that_is_known_to_be_lacking_is_told(tmp_path: Path) -> None:
    exported_models.beyond_litert(tmp_path / "model")
    found = signatures(inspect(tmp_path / "model"))["serving_default"]
    assert found.verdict.outcome == "Accepted"
    assert any("LiteRT has no operator for" in note and "ops.selectTF: true" in note for note in found.notes)
