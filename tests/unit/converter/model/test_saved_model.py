"""What saved_model.pb says, whichever process reads it."""

from pathlib import Path
from typing import Any

import pytest

from tflite_converter.model import saved_model

pytestmark = pytest.mark.tensorflow


def test_signatures_come_in_the_order_of_their_keys(tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    keys = [f"signature_{number:02}" for number in range(40)]
    proto: Any = saved_model_pb2.SavedModel()
    graph = proto.meta_graphs.add()
    for key in reversed(keys):
        graph.signature_def[key].method_name = "tensorflow/serving/predict"
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    (found,) = saved_model.read(tmp_path)
    assert list(found.signatures) == keys
