"""Labels stand beside the samples that they are for, whatever the dataset and its batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.datasets.test_reader import IMAGE, VECTOR, floats, npz, read, records, signature
from tflite_api.reasons import Reason
from tflite_api.resource.spec import LabelledSamples
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import TensorFacts
from tflite_converter.datasets import reader
from tflite_converter.datasets.labelled import Labels


def settings(**changes: Any) -> LabelledSamples:
    return LabelledSamples.from_object(changes)


def labelled(path: Path, *inputs: TensorFacts, **changes: Any) -> list[Labels]:
    wanted = {"serving_default": {"label"}}
    found = reader.read_labelled(path, [signature(*inputs)], settings(**changes), wanted, field="the.field")
    return [each.labels for each in found["serving_default"]]


def test_labels_stand_beside_the_samples_that_they_are_for(tmp_path: Path) -> None:
    path = npz(tmp_path, x=floats(6, 3), label=np.arange(6), other=floats(6))
    found = labelled(path, VECTOR)
    assert [(each.values["label"].tolist(), each.examples) for each in found] == [([n], 1) for n in range(6)]
    batched = labelled(path, TensorFacts("x", "float32", (2, 3)))
    assert [(each.values["label"].tolist(), each.examples) for each in batched] == [
        ([0, 1], 2),
        ([2, 3], 2),
        ([4, 5], 2),
    ]
    assert len(labelled(path, VECTOR, maxSamples=4)) == 4


def test_an_example_that_is_a_whole_batch_keeps_its_labels_as_they_are(tmp_path: Path) -> None:
    (found,) = labelled(npz(tmp_path, x=floats(1, 5, 3), label=np.arange(5)[None]), VECTOR)
    assert (found.values["label"].tolist(), found.examples, found.is_stacked) == ([0, 1, 2, 3, 4], 1, False)


def test_an_input_may_be_a_label(tmp_path: Path) -> None:
    path = tmp_path / "samples.npy"
    np.save(path, floats(2, 3))
    samples = reader.read_labelled(path, [signature(VECTOR)], settings(), {"serving_default": {"x"}}, field="f")
    assert [each.labels.values["x"].tolist() for each in samples["serving_default"]] == floats(2, 1, 3).tolist()


def test_arrays_that_are_neither_input_nor_label_are_passed_over(tmp_path: Path) -> None:
    """So a labelled dataset is one for calibration as well, as it is in a TFRecord file."""
    samples = read(npz(tmp_path, x=floats(12, 3), label=np.arange(12)), VECTOR)
    assert [sorted(sample) for sample in samples] == [["x"]] * 12


def test_labels_are_told_apart_by_signature(tmp_path: Path) -> None:
    arrays = {"a/x": floats(2, 3), "b/x": floats(2, 3), "b/label": np.array([7, 8])}
    np.savez(tmp_path / "samples.npz", **arrays)
    both = [signature(VECTOR, key=key) for key in ("a", "b")]
    found = reader.read_labelled(tmp_path / "samples.npz", both, settings(), {"b": {"label"}}, field="the.field")
    assert [each.labels.values for each in found["a"]] == [{}, {}]
    assert [each.labels.values["label"].tolist() for each in found["b"]] == [[7], [8]]


def test_labels_that_a_dataset_lacks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        StepFailure, match=r"The dataset has x, but verification\.metrics names the labels label"
    ) as caught:
        labelled(npz(tmp_path, x=floats(6, 3)), VECTOR)
    assert caught.value.reason is Reason.DATASET_MISMATCH
    (tmp_path / "images").mkdir()
    with pytest.raises(StepFailure, match="holds images, which have no labels"):
        labelled(tmp_path / "images", IMAGE)


@pytest.mark.tensorflow
def test_records_have_labels_of_one_number_or_several(tmp_path: Path) -> None:
    path = records(tmp_path, [{"x": [1.0, 2.0, 3.0], "label": [n], "other": [0]} for n in range(2)])
    assert [each.values["label"].tolist() for each in labelled(path, VECTOR)] == [[0], [1]]
    path = records(tmp_path, [{"x": [1.0, 2.0, 3.0], "label": [0.5, 1.5]}])
    assert [each.values["label"].tolist() for each in labelled(path, VECTOR)] == [[[0.5, 1.5]]]
    path = records(tmp_path, [{"x": [1.0, 2.0, 3.0], "label": b"cat"}])
    with pytest.raises(StepFailure, match="no numbers in the label label"):
        labelled(path, VECTOR)


@pytest.mark.tensorflow
def test_examples_of_one_batch_have_labels_of_the_same_shape(tmp_path: Path) -> None:
    rows = [{"x": [1.0, 2.0, 3.0], "label": [1, 2]}, {"x": [1.0, 2.0, 3.0], "label": [1, 2, 3]}]
    with pytest.raises(StepFailure, match=r"labels label of the shapes \[2\], \[3\]"):
        labelled(records(tmp_path, rows), TensorFacts("x", "float32", (2, 3)))
