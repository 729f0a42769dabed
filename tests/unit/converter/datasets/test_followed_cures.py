"""A dataset that is written as its refusal says is read."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.converter.datasets import test_class_folders, test_reader
from tests.unit.converter.datasets.pictures import in_folder, in_tar, in_zip, picture
from tests.unit.converter.datasets.test_class_folders import SORTED, pictures
from tests.unit.converter.datasets.test_reader import IMAGE, INDEX, PICTURES, VECTOR, floats, signature
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_api.resource.spec import LabelledSamples
from tflite_converter.core.tensors import TensorFacts
from tflite_converter.datasets import images, numpy_files, reader

MISMATCH, INVALID = Reason.DATASET_MISMATCH, Reason.DATASET_INVALID
WORDS = TensorFacts("word", "uint8", (1,))
BATCH = TensorFacts("x", "float32", (12, 3))
ANY_SIZE = TensorFacts("image", "float32", (-1, -1, -1, 3))
GREY = TensorFacts("image", "float32", (1, 4, 6, 1))
SIGNED = TensorFacts("image", "int8", (1, 4, 6, 3))
BROKEN = b"PK\x03\x04 broken"


def arrays(*inputs: TensorFacts, most: int = 100, **values: Any) -> Trial:
    """Return what reads an .npz as a calibration does."""
    return lambda folder: test_reader.read(test_reader.npz(folder, **values), *inputs, maxSamples=most)


def named(tensor: TensorFacts, values: Any) -> Trial:
    return lambda folder: test_reader.read(test_reader.npz(folder, **{tensor.name: values}), tensor)


def single(values: Any, *inputs: TensorFacts) -> Trial:
    def trial(folder: Path) -> object:
        np.save(folder / "samples.npy", values)
        return test_reader.read(folder / "samples.npy", *inputs)

    return trial


def file(name: str, content: bytes, *inputs: TensorFacts) -> Trial:
    def trial(folder: Path) -> object:
        (folder / name).write_bytes(content)
        return test_reader.read(folder / name, *inputs)

    return trial


def shown(files: Mapping[str, bytes], tensor: TensorFacts = IMAGE, pack: Any = in_folder, **how: Any) -> Trial:
    """Return what reads pictures as a calibration does."""
    return lambda folder: test_reader.read(pack(folder, files), tensor, images=how)


def classes(files: Mapping[str, bytes], pack: Any = in_folder, **numbered: Any) -> Trial:
    return lambda folder: test_class_folders.labelled(pack(folder, files), **numbered)


def labels(path: Any, *inputs: TensorFacts, settings: Mapping[str, Any] | None = None, label: str = "label") -> Trial:
    """Return what reads a dataset with labels as a verification does."""
    wanted, given = {"serving_default": {label}}, LabelledSamples.from_object(dict(settings or {}))
    return lambda folder: reader.read_labelled(path(folder), [signature(*inputs)], given, wanted, field="the.field")


def with_labels(**values: Any) -> Trial:
    return lambda folder: test_reader.npz(folder, x=floats(12, 3), **values)


def nowhere(shape: tuple[int, ...], where: float) -> Any:
    return np.where(floats(*shape) == 4, where, 0).astype(np.float32)


def noise(size: int) -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (size, size, 3), np.uint8)).save(written, "PNG")
    return written.getvalue()


def packed(name: str) -> Trial:
    """Return what reads samples of a file or folder of that name."""

    def trial(folder: Path) -> object:
        if name == "":
            return test_reader.read(in_folder(folder, PICTURES), IMAGE)
        pack = in_zip if name == ".zip" else in_tar
        found = pack(folder, PICTURES)
        return test_reader.read(found.rename(folder / f"samples{name}"), IMAGE)

    return trial


ALONE = pictures({"rose/1.png": 1, "rose/2.png": 1})
NAMED: dict[str, Any] = {"labelFile": "labels.txt"}
FOLLOWED: list[Followed] = [
    followed(
        "set classes where each class has a folder, or write an .npz or a TFRecord file with images and labels",
        MISMATCH,
        labels(lambda folder: in_folder(folder, pictures()), IMAGE, label="class"),
        labels(lambda folder: in_folder(folder, pictures()), IMAGE, label="class", settings={"classes": SORTED}),
        labels(lambda folder: test_reader.npz(folder, image=floats(12, 4, 6, 3), label=np.arange(12)), IMAGE),
    ),
    followed(
        "leave classes out",
        MISMATCH,
        labels(with_labels(label=np.arange(12)), VECTOR, settings={"classes": SORTED}),
        labels(with_labels(label=np.arange(12)), VECTOR),
    ),
    followed(
        "give a .npz, .npy, .tfrecord or .tfrecord.gz file, a .zip, .tar or .tar.gz archive of images, or a folder of"
        " images",
        INVALID,
        file("samples.csv", b"1,2,3", VECTOR),
        *(arrays(VECTOR, x=floats(12, 3)), single(floats(12, 3), VECTOR)),
        *(packed(".zip"), packed(".tar.gz"), packed("")),
    ),
    followed("add 10 at least", INVALID, arrays(VECTOR, x=floats(0, 3)), arrays(VECTOR, x=floats(10, 3))),
    followed("add 12 at least", INVALID, arrays(BATCH, x=floats(0, 3)), arrays(BATCH, x=floats(12, 3))),
    followed(
        "add 2 at least",
        INVALID,
        arrays(VECTOR, most=2, x=floats(0, 3)),
        arrays(VECTOR, most=2, x=floats(2, 3)),
    ),
    followed("add some, better 100", MISMATCH, arrays(VECTOR, x=floats(9, 3)), arrays(VECTOR, x=floats(10, 3))),
    followed("add some, better 100", MISMATCH, arrays(BATCH, x=floats(11, 3)), arrays(BATCH, x=floats(12, 3))),
    followed(
        "raise maxSamples to 12",
        MISMATCH,
        arrays(BATCH, most=11, x=floats(30, 3)),
        arrays(BATCH, most=12, x=floats(30, 3)),
    ),
    followed(
        "Name what it has like these inputs", MISMATCH, arrays(VECTOR, y=floats(12, 3)), arrays(VECTOR, x=floats(12, 3))
    ),
    followed(
        "Name an array that it has, or add one",
        MISMATCH,
        labels(with_labels(other=np.arange(12)), VECTOR),
        labels(with_labels(other=np.arange(12)), VECTOR, label="other"),
        labels(with_labels(label=np.arange(12)), VECTOR),
    ),
    followed(
        "give each example the shape [3]", MISMATCH, arrays(VECTOR, x=floats(12, 4)), arrays(VECTOR, x=floats(12, 3))
    ),
    followed(
        "give each example the shape [-1, 3], where -1 is any size",
        MISMATCH,
        arrays(VECTOR, x=floats(12, 5, 4)),
        arrays(VECTOR, x=floats(12, 5, 3)),
    ),
    *(
        followed(
            "remove such examples from the dataset",
            MISMATCH,
            arrays(VECTOR, x=nowhere((12, 3), wrong)),
            arrays(VECTOR, x=np.delete(nowhere((12, 3), wrong), 1, axis=0)),
        )
        for wrong in (np.nan, np.inf)
    ),
    followed(
        "keep them from 0 to 255",
        MISMATCH,
        arrays(WORDS, word=np.arange(12) * 100),
        arrays(WORDS, word=np.clip(np.arange(12) * 100, 0, 255)),
    ),
    *(
        followed(
            f"write it with .astype('{tensor.dtype}')",
            MISMATCH,
            named(tensor, values),
            named(tensor, values.astype(tensor.dtype)),
        )
        for tensor, values in (
            (VECTOR, np.full((12, 3), 2**40)),
            (INDEX, floats(12)),
            (TensorFacts("mask", "bool", (-1, 3)), np.ones((12, 3), np.int64)),
        )
    ),
    followed(
        "write numbers of float32 in its place",
        MISMATCH,
        arrays(VECTOR, x=np.full((12, 3), "cat")),
        arrays(VECTOR, x=floats(12, 3)),
    ),
    followed(
        "Write it again with numpy.savez, without pickled objects",
        INVALID,
        arrays(VECTOR, x=np.array([{}] * 12)),
        arrays(VECTOR, x=floats(12, 3)),
    ),
    followed(
        "Write it again with numpy.save, without pickled objects",
        INVALID,
        file("samples.npy", b"\x93NUMPY", VECTOR),
        single(floats(12, 3), VECTOR),
    ),
    followed(
        "write an array whose first axis counts the examples",
        INVALID,
        arrays(VECTOR, INDEX, x=floats(12, 3), word=np.int32(3)),
        arrays(VECTOR, INDEX, x=floats(12, 3), word=np.full(12, 3, np.int32)),
    ),
    followed(
        "Write as many for each",
        INVALID,
        arrays(VECTOR, INDEX, x=floats(12, 3), word=np.arange(11)),
        arrays(VECTOR, INDEX, x=floats(12, 3), word=np.arange(12)),
    ),
    followed(
        "write an .npz instead",
        INVALID,
        single(floats(12, 3), VECTOR, INDEX),
        arrays(VECTOR, INDEX, x=floats(12, 3), word=np.arange(12)),
    ),
    followed("write an .npz instead", MISMATCH, shown(PICTURES, VECTOR), arrays(VECTOR, x=floats(12, 3))),
    followed(
        "pin height and width in signature.inputs",
        MISMATCH,
        shown(PICTURES, ANY_SIZE),
        shown(PICTURES, TensorFacts("image", "float32", (-1, 4, 6, 3))),
    ),
    followed(
        "set images.colorSpace to Grayscale",
        MISMATCH,
        shown(PICTURES, GREY),
        shown(PICTURES, GREY, colorSpace="Grayscale"),
    ),
    followed(
        "set images.colorSpace to RGB",
        MISMATCH,
        shown(PICTURES, IMAGE, colorSpace="Grayscale"),
        shown(PICTURES, IMAGE, colorSpace="RGB"),
    ),
    followed(
        "Write it again, or leave it out",
        INVALID,
        shown(PICTURES | {"a.png": b"nothing"}),
        shown(PICTURES | {"a.png": picture((1, 2, 3))}),
        shown(PICTURES),
    ),
    followed(
        "correct images.mean and std",
        MISMATCH,
        shown(PICTURES, SIGNED),
        shown(PICTURES, SIGNED, mean=["128"]),
        shown(PICTURES, SIGNED, std=["2"]),
    ),
    followed(
        "write one, or 3",
        MISMATCH,
        shown(PICTURES, IMAGE, mean=["1", "2"]),
        shown(PICTURES, IMAGE, mean=["1"]),
        shown(PICTURES, IMAGE, mean=["1", "2", "3"]),
    ),
    followed(
        "Pack it again as a .zip, .tar or .tar.gz",
        INVALID,
        file("images.zip", BROKEN, IMAGE),
        *(packed(".zip"), packed(".tar.gz")),
    ),
    followed(
        "name the folder that has a folder for each class",
        MISMATCH,
        classes(ALONE, **SORTED),
        classes(pictures(), **SORTED),
    ),
    followed(
        "write each class once",
        MISMATCH,
        classes(pictures(labels_txt=b"rose\ndaisy\nrose\ntulip"), **NAMED),
        classes(pictures(labels_txt=b"rose\ndaisy\ntulip"), **NAMED),
    ),
    followed(
        "give each class a line, in the order of the output's places",
        MISMATCH,
        classes(pictures(labels_txt=b"daisy\nrose"), **NAMED),
        classes(pictures(labels_txt=b"daisy\nrose\ntulip"), **NAMED),
    ),
    followed(
        "move it into one",
        MISMATCH,
        classes(pictures({"1.png": 0, "rose/1.png": 1, "daisy/1.png": 1}), **SORTED),
        classes(pictures({"daisy/2.png": 0, "rose/1.png": 1, "daisy/1.png": 1}), **SORTED),
    ),
    followed(
        "put one there, or set classes.sorted: true",
        INVALID,
        classes(pictures(), **NAMED),
        classes(pictures(labels_txt=b"daisy\nrose\ntulip"), **NAMED),
        classes(pictures(), **SORTED),
    ),
    followed(
        "write it again",
        INVALID,
        classes(pictures(labels_txt=b"\xff\xfe"), **NAMED),
        classes(pictures(labels_txt=b"daisy\nrose\ntulip"), **NAMED),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


LARGE: list[Followed] = [
    followed("write fewer examples", INVALID, arrays(VECTOR, x=floats(100, 3)), arrays(VECTOR, x=floats(10, 3))),
    *(
        followed(
            "scale it down, or leave it out",
            INVALID,
            shown(PICTURES | {"a.png": large}, pack=pack),
            shown(PICTURES | {"a.png": picture((1, 2, 3))}, pack=pack),
            shown(PICTURES, pack=pack),
        )
        for pack, large in (
            (in_folder, picture((1, 2, 3), (21, 21))),
            (in_zip, noise(15)),
            (in_tar, noise(15)),
        )
    ),
]


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_what_is_too_large_is_read_once_it_is_smaller(
    case: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_files, "_LARGEST", 1000)
    monkeypatch.setattr(images, "_LARGEST_FILE", 300)
    monkeypatch.setattr(images, "_LARGEST_PIXELS", 400)
    follow(case, tmp_path)
