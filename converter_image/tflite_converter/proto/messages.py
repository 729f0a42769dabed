"""TensorFlow's protos that a SavedModel consists of, without TensorFlow, whose import takes seconds.

Beside this module lie their descriptors as protobuf has them (a FileDescriptorSet, as `protoc --descriptor_set_out`
writes one), taken from TensorFlow itself by `python -m dev.generate.saved_model_protos`.
"""

import base64
import zlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

FILE: Final = Path(__file__).with_name("saved_model.descriptors")
"""A comment line, then the descriptors, compressed by zlib and in base64."""
SAVED_MODEL: Final = "tensorflow.SavedModel"
_DATA_TYPE: Final = "tensorflow.DataType"
_NAMES: Final = {
    "DT_BFLOAT16": "bfloat16",
    "DT_BOOL": "bool",
    "DT_COMPLEX64": "complex64",
    "DT_COMPLEX128": "complex128",
    "DT_DOUBLE": "float64",
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
}
"""TensorFlow's names of types that are called otherwise in DataType (tensorflow/python/framework/dtypes.py)."""


def parse(folder: Path) -> Any:  # noqa: ANN401 - made at run time from the descriptors
    """Return the proto in a SavedModel's folder: of saved_model.pb, else of saved_model.pbtxt.

    Raises:
        ValueError: it cannot be parsed; the message has protobuf's words.
        OSError: it cannot be read.
    """
    proto = _message(SAVED_MODEL)()
    binary = folder / "saved_model.pb"
    if not binary.exists():
        return _parsed_text((folder / "saved_model.pbtxt").read_bytes().decode(), proto)
    try:
        proto.ParseFromString(binary.read_bytes())
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return proto


def _parsed_text(text: str, proto: Any) -> Any:  # noqa: ANN401 - see above
    from google.protobuf import text_format  # noqa: PLC0415 - takes long, and hardly any model is written so

    try:
        return text_format.Parse(text, proto)
    except text_format.ParseError as error:
        raise ValueError(str(error)) from error


def dtype_name(number: int) -> str | None:
    """Return TensorFlow's name of a DataType, for example `float32`; None if there is no such type.

    A reference to a variable (`float32_ref`) has the name of the variable's values.
    """
    value = _pool().FindEnumTypeByName(_DATA_TYPE).values_by_number.get(number)
    if value is None or value.number == 0:
        return None
    name = value.name.removesuffix("_REF")
    return _NAMES.get(name, name.removeprefix("DT_").lower())


def descriptors() -> bytes:
    """Return the FileDescriptorSet of all protos of a SavedModel."""
    return zlib.decompress(base64.b64decode(FILE.read_bytes().partition(b"\n")[2]))


@cache
def _message(name: str) -> Any:  # noqa: ANN401 - see above
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """Return a pool of its own: TensorFlow registers the same files in the default one where it is imported too."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors()).file:
        pool.Add(file)
    return pool
