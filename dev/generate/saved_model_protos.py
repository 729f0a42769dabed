"""Writes the descriptors of the protos that a SavedModel consists of, as the installed TensorFlow has them.

`python -m dev.generate.saved_model_protos`
"""

import base64
import zlib
from typing import Any

from google.protobuf import descriptor_pb2

from tflite_converter.proto import messages


def descriptors() -> bytes:
    """Return a FileDescriptorSet of saved_model.proto and all that it imports, each after what it imports."""
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415 - takes seconds

    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    _collect(saved_model_pb2.DESCRIPTOR, found)
    return descriptor_pb2.FileDescriptorSet(file=found.values()).SerializeToString(deterministic=True)


def _collect(file: Any, found: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:  # noqa: ANN401 - a descriptor of either implementation
    if file.name not in found:
        for imported in file.dependencies:
            _collect(imported, found)
        found[file.name] = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(found[file.name])


if __name__ == "__main__":
    packed = base64.encodebytes(zlib.compress(descriptors(), 9)).decode()
    messages.FILE.write_text(f"# Written by `python -m dev.generate.saved_model_protos` from TensorFlow.\n{packed}")
