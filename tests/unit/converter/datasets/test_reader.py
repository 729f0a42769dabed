"""Every kind of dataset becomes samples that fit the signature, or a refusal that says what to write instead."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.converter.datasets.pictures import PACKS, Pack, in_folder, picture
from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Calibration
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Sample, SignatureFacts, TensorFacts
from tflite_converter.datasets import reader

VECTOR = TensorFacts("x", "float32", (-1, 3))
SCALE = TensorFacts("scale", "float32", ())
IMAGE = TensorFacts("image", "float32", (1, 4, 6, 3))
INDEX = TensorFacts("word", "int32", (1,))


def signature(*inputs: TensorFacts, key: str = "serving_default") -> SignatureFacts:
    return SignatureFacts(key, inputs, (TensorFacts("y", "float32", (-1,)),))


def settings(**changes: Any) -> Calibration:
    return Calibration.from_object({"dataset": "s3://abc/d", **changes})


def read(path: Path, *inputs: TensorFacts, **changes: Any) -> tuple[Sample, ...]:
    return reader.read(path, [signature(*inputs)], settings(**changes), 10, field="the.field")["serving_default"]


def refusal(path: Path, *inputs: TensorFacts, reason: Reason = Reason.DATASET_MISMATCH, **changes: Any) -> str:
    with pytest.raises(StepFailure) as caught:
        read(path, *inputs, **changes)
    assert caught.value.reason is reason, caught.value.message
    assert caught.value.message.startswith("the.field: ")
    return caught.value.message


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "samples.npz"
    np.savez(path, **arrays)
    return path


def floats(*shape: int) -> Any:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_an_npz_gives_a_batch_of_one_for_each_example(tmp_path: Path) -> None:
    samples = read(npz(tmp_path, x=floats(12, 3), scale=floats(12)), VECTOR, SCALE)
    assert len(samples) == 12
    assert {name: value.shape for name, value in samples[0].items()} == {"x": (1, 3), "scale": ()}
    assert samples[2]["x"].tolist() == [[6, 7, 8]]
    assert samples[2]["scale"] == 2


def test_examples_that_are_whole_batches_stay_as_they_are(tmp_path: Path) -> None:
    batches = npz(tmp_path, x=floats(12, 4, 3), scale=floats(12))
    samples = read(batches, TensorFacts("x", "float32", (4, 3)), SCALE)
    assert [sample["x"].shape for sample in samples] == [(4, 3)] * 12
    alone = read(npz(tmp_path, x=floats(12, 4, 3)), TensorFacts("x", "float32", (4, 3)))
    assert [sample["x"].shape for sample in alone] == [(4, 3)] * 12
    assert "has 3 examples, but 10 are the least" in refusal(
        npz(tmp_path, x=floats(3, 4, 3)), TensorFacts("x", "float32", (4, 3))
    )


def test_a_pinned_batch_takes_as_many_examples(tmp_path: Path) -> None:
    samples = read(npz(tmp_path, x=floats(13, 3)), TensorFacts("x", "float32", (4, 3)))
    assert [sample["x"].shape for sample in samples] == [(4, 3)] * 3


def test_an_npy_is_enough_for_one_input(tmp_path: Path) -> None:
    np.save(tmp_path / "samples.npy", floats(10, 3))
    assert len(read(tmp_path / "samples.npy", VECTOR)) == 10
    message = refusal(tmp_path / "samples.npy", VECTOR, SCALE, reason=Reason.DATASET_INVALID)
    assert "the inputs x, scale: write an .npz" in message


def test_only_as_many_samples_are_taken_as_asked(tmp_path: Path) -> None:
    assert len(read(npz(tmp_path, x=floats(50, 3)), VECTOR, maxSamples=20)) == 20
    assert len(read(npz(tmp_path, x=floats(50, 3)), VECTOR, maxSamples=3)) == 3


def test_values_are_cast_where_they_keep_their_meaning(tmp_path: Path) -> None:
    samples = read(npz(tmp_path, x=floats(10, 3).astype(np.float64), word=np.arange(10)), VECTOR, INDEX)
    assert samples[9]["x"].dtype.name == "float32"
    assert samples[9]["word"].tolist() == [9]
    assert samples[9]["word"].dtype.name == "int32"
    assert read(npz(tmp_path, x=np.full((10, 3), 255, np.uint8)), VECTOR)[0]["x"].tolist() == [[255, 255, 255]]


@pytest.mark.parametrize(
    ("arrays", "reason", "words"),
    [
        (
            {"y": floats(10, 3)},
            Reason.DATASET_MISMATCH,
            "has y, but the inputs of signature serving_default are x: float",
        ),
        ({"x": floats(10, 4)}, Reason.DATASET_MISMATCH, "shape [4] for input x, which is [-1, 3]"),
        ({"x": floats(10, 2, 2, 3)}, Reason.DATASET_MISMATCH, "shape [2, 2, 3] for input x"),
        ({"x": np.full((10, 3), 2**40)}, Reason.DATASET_MISMATCH, "int64 for input x, which is float32: write it with"),
        ({"x": np.full((10, 3), "a")}, Reason.DATASET_MISMATCH, "<U1 for input x"),
        ({"x": np.where(floats(10, 3) == 16, np.nan, 0)}, Reason.DATASET_MISMATCH, "Example 5 has NaN in input x"),
        ({"x": np.where(floats(10, 3) == 16, np.inf, 0)}, Reason.DATASET_MISMATCH, "Example 5 has an infinity in"),
        ({"x": floats(0, 3)}, Reason.DATASET_INVALID, "is empty"),
        ({}, Reason.DATASET_INVALID, "is empty"),
        ({"x": floats(9, 3)}, Reason.DATASET_MISMATCH, "has 9 examples, but 10 are the least: add some"),
        ({"x": floats(), "y": floats(3)}, Reason.DATASET_INVALID, "whose first axis counts the examples"),
        ({"x": floats(10, 3), "y": floats(3)}, Reason.DATASET_INVALID, "x 10, y 3"),
        ({"x": np.array([{}] * 10)}, Reason.DATASET_INVALID, "cannot be read as .npz"),
    ],
)
def test_an_npz_that_does_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, Any], reason: Reason, words: str
) -> None:
    assert words in refusal(npz(tmp_path, **arrays), VECTOR, reason=reason)


def test_numbers_beyond_the_inputs_type_are_refused(tmp_path: Path) -> None:
    message = refusal(npz(tmp_path, word=np.full(10, 2**40)), INDEX)
    assert "values beyond int32 in input word: keep them from -2147483648 to 2147483647" in message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY"])
@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.zip", "a.tar.gz"])
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path / name, IMAGE, reason=Reason.DATASET_INVALID)


def test_a_name_that_says_no_format_is_refused_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("1,2,3")
    assert ".tfrecord" in refusal(tmp_path / "samples.csv", VECTOR, reason=Reason.DATASET_INVALID)


def test_arrays_are_told_apart_by_signature(tmp_path: Path) -> None:
    path = npz(tmp_path, **{"a/x": floats(10, 3), "b/x": floats(10, 5)})
    both = [signature(VECTOR, key="a"), signature(TensorFacts("x", "float32", (-1, 5)), key="b")]
    found = reader.read(path, both, settings(), field="the.field")
    assert {key: samples[0]["x"].shape for key, samples in found.items()} == {"a": (1, 3), "b": (1, 5)}


PICTURES = {f"{number:02}.png": picture((number, 100, 200)) for number in range(10)}
NO_PICTURES = {"README.txt": b"hello", ".hidden.png": b"x", "__MACOSX/00.png": b"x"}


@pytest.mark.parametrize("pack", PACKS)
def test_images_are_decoded_in_the_order_of_their_names(tmp_path: Path, pack: Pack) -> None:
    samples = read(pack(tmp_path, PICTURES | NO_PICTURES), IMAGE)
    assert [sample["image"][0, 0, 0].tolist() for sample in samples] == [[n, 100, 200] for n in range(10)]
    assert samples[0]["image"].shape == (1, 4, 6, 3)
    assert samples[0]["image"].dtype.name == "float32"


def first_pixel(tmp_path: Path, tensor: TensorFacts, **images: Any) -> Any:
    return read(in_folder(tmp_path, PICTURES), tensor, maxSamples=1, images=images)[0]["image"][0, 0, 0].tolist()


def test_channels_are_normalised_as_the_spec_says(tmp_path: Path) -> None:
    assert first_pixel(tmp_path, IMAGE, mean=["100"], std=["50"]) == [-2, 0, 2]
    assert first_pixel(tmp_path, IMAGE, mean=["0", "50", "100"], std=["1", "2", "4"]) == [0, 25, 25]
    assert first_pixel(tmp_path, IMAGE, colorSpace="BGR") == [200, 100, 0]
    assert first_pixel(tmp_path, TensorFacts("image", "uint8", (-1, 4, 6, 3))) == [0, 100, 200]
    grey = first_pixel(tmp_path, TensorFacts("image", "float32", (-1, 4, 6, 1)), colorSpace="Grayscale")
    assert grey == [round(100 * 0.587 + 200 * 0.114)]


def test_other_proportions_are_fitted_as_the_spec_says(tmp_path: Path) -> None:
    wide = Image.new("RGB", (24, 4), (0, 0, 0))
    wide.paste((255, 255, 255), (9, 0, 15, 4))
    file = io.BytesIO()
    wide.save(file, "PNG")
    folder = in_folder(tmp_path, {"wide.png": file.getvalue()})

    def brightness(fit: str) -> float:
        return float(read(folder, IMAGE, maxSamples=1, images={"fit": fit})[0]["image"].mean())

    assert brightness("CenterCrop") == 255
    assert brightness("Stretch") == pytest.approx(255 / 4, abs=2)
    assert brightness("Pad") == pytest.approx(255 / 16, abs=2)


@pytest.mark.parametrize(
    ("files", "tensor", "images", "reason", "words"),
    [
        (PICTURES, VECTOR, {}, Reason.DATASET_MISMATCH, "one input of the shape [batch, height, width"),
        (PICTURES, TensorFacts("image", "float32", (-1, -1, -1, 3)), {}, Reason.DATASET_MISMATCH, "signature.inputs"),
        (PICTURES, IMAGE, {"colorSpace": "Grayscale"}, Reason.DATASET_MISMATCH, "has 3 channels: set"),
        (PICTURES, IMAGE, {"mean": ["1", "2"]}, Reason.DATASET_MISMATCH, "2 numbers for 3 channels"),
        (
            PICTURES,
            TensorFacts("image", "int8", (1, 4, 6, 3)),
            {},
            Reason.DATASET_MISMATCH,
            "from 0 to 200, beyond input image's int8",
        ),
        ({"00.png": b"nothing"}, IMAGE, {}, Reason.DATASET_INVALID, "00.png is no image"),
        (NO_PICTURES, IMAGE, {}, Reason.DATASET_INVALID, "is empty"),
    ],
)
def test_images_that_do_not_fit_are_refused(
    tmp_path: Path, files: dict[str, bytes], tensor: TensorFacts, images: dict[str, Any], reason: Reason, words: str
) -> None:
    assert words in refusal(in_folder(tmp_path, files), tensor, reason=reason, images=images)


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    photo = Image.new("RGB", (4, 6))
    photo.paste((255, 255, 255), (0, 0, 4, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    photo.save(file, "PNG", exif=exif)
    image = read(in_folder(tmp_path, {"a.png": file.getvalue()}), IMAGE, maxSamples=1)[0]["image"][0]
    assert image[:, 3:].min() == 255
    assert image[:, :3].max() == 0


@pytest.mark.parametrize("exif", [b"II*\0", b"Exif\0\0II*\0", b"MM\0*\0\0\0\x08\xff\xff"])
def test_a_photo_whose_orientation_cannot_be_read_is_taken_as_it_is(tmp_path: Path, exif: bytes) -> None:
    photo = Image.new("RGB", (4, 6))
    photo.paste((255, 255, 255), (0, 0, 4, 3))
    for kind in ("PNG", "WEBP", "JPEG"):
        file = io.BytesIO()
        photo.save(file, kind, exif=exif)
        folder = in_folder(tmp_path / kind, {f"a.{kind.lower()}": file.getvalue()})
        image = read(folder, IMAGE, maxSamples=1)[0]["image"][0]
        assert image[:2].mean() > 200
        assert image[-2:].mean() < 50


def records(folder: Path, examples: list[dict[str, Any]], name: str = "d.tfrecord") -> Path:
    import tensorflow as tf

    def feature(value: Any) -> Any:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if np.asarray(value).dtype.kind == "f":
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value))

    options = tf.io.TFRecordOptions(compression_type="GZIP" if name.endswith(".gz") else "")
    with tf.io.TFRecordWriter(str(folder / name), options) as writer:
        for example in examples:
            features = tf.train.Features(feature={key: feature(value) for key, value in example.items()})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return folder / name


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["d.tfrecord", "d.tfrecords.gz", "d.tfrecord-00000-of-00002"])
def test_records_give_numbers_bytes_and_indices_by_name(tmp_path: Path, name: str) -> None:
    examples = [{"x": [n, 1.5, 2.0], "word": [n], "label": [1], "raw": floats(2).tobytes()} for n in range(10)]
    raw = TensorFacts("raw", "float32", (-1, 2))
    samples = read(records(tmp_path, examples, name), VECTOR, INDEX, raw)
    assert samples[3]["x"].tolist() == [[3, 1.5, 2]]
    assert samples[3]["word"].tolist() == [3]
    assert samples[3]["word"].dtype.name == "int32"
    assert samples[3]["raw"].tolist() == [[0, 1]]


@pytest.mark.tensorflow
def test_records_of_encoded_images_are_decoded(tmp_path: Path) -> None:
    path = records(tmp_path, [{"image": picture((n, 0, 9), kind="BMP")} for n in range(10)])
    assert [sample["image"][0, 0, 0].tolist() for sample in read(path, IMAGE)] == [[n, 0, 9] for n in range(10)]


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("example", "words"),
    [
        ({"y": [1.0]}, "has the features y, but not the inputs x: float32"),
        ({"x": [1.0, 2.0]}, "has 2 values for x: float32 [-1, 3], which takes [3]"),
        ({"x": b"12345"}, "no single byte string of whole float32"),
        ({"x": [1, 2, 3]}, "int64 for input x"),
    ],
)
def test_records_that_do_not_fit_are_refused(tmp_path: Path, example: dict[str, Any], words: str) -> None:
    assert words in refusal(records(tmp_path, [example] * 10), VECTOR)


@pytest.mark.tensorflow
def test_a_file_that_holds_no_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.tfrecord").write_bytes(b"no records at all, but long enough to be one")
    refusal(tmp_path / "d.tfrecord", VECTOR, reason=Reason.DATASET_INVALID)


HEADERS = [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**9, 3), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (True, 3), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"9" * 400 + b",), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': 3, }",
    b"{'descr': [('a', '<f4', (2, -1))], 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': 'no type', 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': '<U99999999999999', 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': ('<f4', ('<f4',)), 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': {'a': 1}, 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': '<f4', 'shape': (3,), }",
    b"{1: 2}",
    b"{[]: 2}",
    b"(" * 3000,
    b"(((((((((",
    b"'''",
    b"\xff\xfe\x00",
    b"1L",
    b"",
]


def forged(header: bytes, version: tuple[int, int]) -> bytes:
    """An array file with this header and no content."""
    length = len(header).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + header


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0), (9, 9)], ids=str)
@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_header_that_numpy_trips_over_is_a_reason(tmp_path: Path, header: bytes, version: tuple[int, int]) -> None:
    content = forged(header, version)
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    for name in ("a.npy", "a.npz"):
        words = refusal(tmp_path / name, VECTOR, reason=Reason.DATASET_INVALID)
        assert "cannot be read as" in words


def test_an_array_that_says_it_is_huge_is_not_made_room_for(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3), }"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", forged(header, (1, 0)) + bytes(120))
    words = refusal(tmp_path / "a.npz", VECTOR, reason=Reason.DATASET_INVALID)
    assert "says that it holds [1000000000000, 3] of float32, more than it has" in words


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "PPM", "ICO", "TGA", "PDF", "PCX", "SGI"])
def test_an_image_of_another_kind_is_not_decoded_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    started: list[object] = []
    monkeypatch.setattr("subprocess.Popen", lambda *given, **_: started.append(given))
    folder = in_folder(tmp_path, {"a.png": picture((1, 2, 3), kind=kind)})
    words = refusal(folder, IMAGE, reason=Reason.DATASET_INVALID)
    assert "a.png is no image that can be read as JPEG, PNG, BMP, WebP or GIF" in words
    assert started == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "GIF"])
def test_the_kinds_that_there_are_suffixes_of_are_decoded(tmp_path: Path, kind: str) -> None:
    assert read(in_folder(tmp_path, {"a.png": picture((1, 2, 3), kind=kind)}), IMAGE, maxSamples=1)
