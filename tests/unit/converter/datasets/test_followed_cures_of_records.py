"""A dataset of records that is written as its refusal says is read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.datasets import test_reader
from tests.unit.converter.datasets.pictures import in_folder, picture
from tests.unit.converter.datasets.test_class_folders import pictures
from tests.unit.converter.datasets.test_followed_cures import INVALID, MISMATCH, file, labels
from tests.unit.converter.datasets.test_reader import IMAGE, VECTOR, floats
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_converter.core.tensors import TensorFacts

pytestmark = pytest.mark.tensorflow

FEATURE: dict[str, Any] = {"x": [1.0, 2.0, 3.0]}


def recorded(example: dict[str, Any], *inputs: TensorFacts) -> Trial:
    return lambda folder: test_reader.read(test_reader.records(folder, [example] * 12), *inputs)


def labelled_records(*examples: dict[str, Any]) -> Trial:
    return labels(lambda folder: test_reader.records(folder, list(examples)), TensorFacts("x", "float32", (2, 3)))


RECORDED: list[Followed] = [
    followed(
        "set classes where each class has a folder, or write an .npz or a TFRecord file with images and labels",
        MISMATCH,
        labels(lambda folder: in_folder(folder, pictures()), IMAGE),
        labels(lambda folder: test_reader.records(folder, [{"image": picture((1, 2, 3)), "label": [1]}] * 12), IMAGE),
    ),
    followed(
        "Write it again with tf.io.TFRecordWriter",
        INVALID,
        file("d.tfrecord", b"no records at all, but long enough to be one", VECTOR),
        recorded(FEATURE, VECTOR),
    ),
    followed(
        "write them as an int64 or float list",
        MISMATCH,
        labelled_records(*[FEATURE | {"label": b"cat"}] * 2),
        labelled_records(*[FEATURE | {"label": [1]}] * 2),
        labelled_records(*[FEATURE | {"label": [1.5]}] * 2),
    ),
    followed(
        "give all examples labels of the same shape",
        MISMATCH,
        labelled_records(FEATURE | {"label": [1, 2]}, FEATURE | {"label": [1, 2, 3]}),
        labelled_records(FEATURE | {"label": [1, 2, 0]}, FEATURE | {"label": [1, 2, 3]}),
    ),
    followed(
        "Write a feature of the same name for each input",
        MISMATCH,
        recorded({"y": [1.0, 2.0, 3.0]}, VECTOR),
        recorded(FEATURE, VECTOR),
    ),
    followed(
        "write its numbers, or the bytes of one array",
        MISMATCH,
        recorded({"x": b"12345"}, VECTOR),
        recorded(FEATURE, VECTOR),
        recorded({"x": floats(3).tobytes()}, VECTOR),
    ),
    followed("write as many", MISMATCH, recorded({"x": [1.0, 2.0]}, VECTOR), recorded(FEATURE, VECTOR)),
    followed(
        "write it with .astype('float32')",
        MISMATCH,
        recorded({"x": [1, 2, 3]}, VECTOR),
        recorded({"x": np.array([1, 2, 3]).astype("float32")}, VECTOR),
    ),
]


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_records_that_are_written_as_a_refusal_says_are_read(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
