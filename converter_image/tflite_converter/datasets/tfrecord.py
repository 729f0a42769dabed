"""Examples from TFRecord files of tf.train.Example."""

import io
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import ImagePreprocessing, Samples
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, SignatureFacts, TensorFacts
from tflite_converter.datasets import images

_NAME: Final = re.compile(r".*\.tfrecords?(-\d+-of-\d+)?(\.gz)?$")
_IMAGES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF")
"""How JPEG, PNG, GIF, BMP and WebP files begin."""


def is_named(name: str) -> bool:
    """Return whether a file name is that of a TFRecord file, perhaps of one shard, perhaps compressed."""
    return _NAME.match(name) is not None


def read(
    path: Path, signature: SignatureFacts, settings: Samples, labels: Collection[str] = ()
) -> Iterator[Mapping[str, Array]]:
    """Yield the examples of a TFRecord file: a feature for each input, by its name, and for each label that it has.

    Numbers fill the input's shape in row-major order; bytes hold an encoded image, or the little-endian content of the
    array. Of the shape, the batch is left out and one flexible dimension follows from the count.

    Raises:
        StepFailure: DatasetInvalid where it is no such file, DatasetMismatch where a feature does not fit.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    records = tf.data.TFRecordDataset(str(path), compression_type="GZIP" if path.name.lower().endswith(".gz") else "")
    try:
        for number, record in enumerate(records.as_numpy_iterator()):
            features = tf.train.Example.FromString(record).features.feature
            _check_names(set(features), signature, number)
            beside = {name: _label(features[name], name, number) for name in labels if name in features}
            inputs = {tensor.name: tensor for tensor in signature.inputs}
            yield beside | {name: _value(features[name], each, number, settings) for name, each in inputs.items()}
    except StepFailure:
        raise
    except Exception as error:  # every kind of damage has its own exception in TensorFlow and protobuf
        words = f"{path.name} cannot be read as TFRecords of tf.train.Example: {one_line(str(error), 300)}"
        raise StepFailure(Reason.DATASET_INVALID, words, "Write it again with tf.io.TFRecordWriter") from error


def _label(feature: Any, name: str, number: int) -> Array:  # noqa: ANN401 - a proto
    """Return a label: a single number without a dimension, several in a row."""
    values: Array | None = None
    match feature.WhichOneof("kind"):
        case "float_list":
            values = np.array(feature.float_list.value, np.float32)
        case "int64_list":
            values = np.array(feature.int64_list.value, np.int64)
    if values is None:
        words = f"Record {number} has no numbers in the label {name}"
        raise StepFailure(Reason.DATASET_MISMATCH, words, "write them as an int64 or float list")
    return values[0] if values.size == 1 else values


def _check_names(found: set[str], signature: SignatureFacts, number: int) -> None:
    """Check that a record has every input; it may have more, such as labels."""
    lacking = [str(tensor) for tensor in signature.inputs if tensor.name not in found]
    if lacking:
        has = ", ".join(sorted(found)) or "nothing"
        message = f"Record {number} has the features {has}, but not the inputs {'; '.join(lacking)}"
        raise StepFailure(Reason.DATASET_MISMATCH, message, "Write a feature of the same name for each input")


def _value(feature: Any, tensor: TensorFacts, number: int, settings: Samples) -> Array:  # noqa: ANN401 - a proto
    kind = feature.WhichOneof("kind")
    if kind == "bytes_list" and len(feature.bytes_list.value) == 1:
        content = feature.bytes_list.value[0]
        if content.startswith(_IMAGES) and len(tensor.shape or ()) == 4:
            how = settings.images or ImagePreprocessing()
            return images.decode(io.BytesIO(content), f"record {number}", tensor, how)
        dtype = np.dtype(tensor.dtype).newbyteorder("<")
        if len(content) % dtype.itemsize == 0:
            return _shaped(np.frombuffer(content, dtype).astype(tensor.dtype), tensor, number)
    elif kind == "float_list":
        return _shaped(np.array(feature.float_list.value, np.float32), tensor, number)
    elif kind == "int64_list":
        return _shaped(np.array(feature.int64_list.value, np.int64), tensor, number)
    raise StepFailure(
        Reason.DATASET_MISMATCH,
        f"Record {number} has no numbers and no single byte string of whole {tensor.dtype} values for {tensor}",
        "write its numbers, or the bytes of one array",
    )


def _shaped(values: Array, tensor: TensorFacts, number: int) -> Array:
    shape = (tensor.shape or ())[1:]
    try:
        return values.reshape(shape)
    except ValueError as error:
        message = f"Record {number} has {values.size} values for {tensor}, which takes {list(shape)} in one example"
        raise StepFailure(Reason.DATASET_MISMATCH, message, "write as many") from error
