"""Folders of images are labels where the spec says how their names are numbered."""

import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.converter.datasets.pictures import PACKS, Pack, in_folder, in_tar, in_zip, picture
from tests.unit.converter.datasets.test_reader import IMAGE, VECTOR, floats, npz, signature
from tflite_api.reasons import Reason
from tflite_api.resource.spec import ImageClasses, LabelledSamples
from tflite_converter.core.failure import StepFailure
from tflite_converter.datasets import class_folders, reader

SORTED: dict[str, Any] = {"sorted": True}
NAMES = ("daisy", "rose", "tulip")
FLOWERS = {f"{name}/{number:02}.png": shade for shade, name in enumerate(NAMES) for number in range(4)}
"""A shade of grey for each class."""


def pictures(files: Mapping[str, int] = FLOWERS, top: str = "", **more: bytes) -> dict[str, bytes]:
    beside = {f"{top}{name.replace('_', '.')}": content for name, content in more.items()}
    return {f"{top}{name}": picture((shade, shade, shade)) for name, shade in files.items()} | beside


def labelled(path: Path, most: int = 100, labels: str = "class", **classes: Any) -> list[tuple[int, int]]:
    """Return the shade and the label of each image."""
    settings = LabelledSamples.from_object({"maxSamples": most, "classes": classes})
    found = reader.read_labelled(path, [signature(IMAGE)], settings, {"serving_default": {labels}}, field="the.field")
    return [(int(each.inputs["image"].max()), int(each.labels.values[labels][0])) for each in found["serving_default"]]


def refusal(path: Path, reason: Reason = Reason.DATASET_MISMATCH, **settings: Any) -> str:
    with pytest.raises(StepFailure) as caught:
        labelled(path, **settings)
    assert caught.value.reason is reason
    return caught.value.message


@pytest.mark.parametrize("pack", PACKS)
def test_folders_are_numbered_in_their_order_as_keras_does(pack: Pack, tmp_path: Path) -> None:
    found = labelled(pack(tmp_path, pictures()), **SORTED)
    assert sorted(found) == [(shade, shade) for shade in range(3) for _ in range(4)]


@pytest.mark.parametrize("pack", PACKS)
def test_a_file_says_which_number_a_class_has(pack: Pack, tmp_path: Path) -> None:
    content = pictures(labels_txt=b"background\ntulip\n rose\ndaisy\nnone of these\n\n")
    found = labelled(pack(tmp_path, content), labelFile="labels.txt")
    assert sorted(set(found)) == [(0, 3), (1, 2), (2, 1)]


@pytest.mark.parametrize("top", ["a/flowers/", "./", "./flowers/"])
@pytest.mark.parametrize("pack", [in_zip, in_tar])
def test_a_folder_around_all_of_an_archive_is_no_class(pack: Pack, top: str, tmp_path: Path) -> None:
    assert set(labelled(pack(tmp_path, pictures(top=top)), **SORTED)) == {(0, 0), (1, 1), (2, 2)}
    with_file = pack(tmp_path, pictures(top=top, classes_txt=b"tulip\nrose\ndaisy"))
    assert set(labelled(with_file, labelFile="classes.txt")) == {(0, 2), (1, 1), (2, 0)}


@pytest.mark.parametrize("pack", PACKS)
def test_of_few_images_each_class_has_some(pack: Pack, tmp_path: Path) -> None:
    """The first ones would all be daisies; which are taken is the same each time."""
    path = pack(tmp_path, pictures({f"{name}/{n}.png": n % 2 for name in ("a", "b") for n in range(40)}))
    found = labelled(path, most=20, **SORTED)
    assert len(found) == 20
    assert 5 <= sum(label for _, label in found) <= 15
    assert found == labelled(path, most=20, **SORTED)


def test_a_class_without_an_image_that_is_taken_keeps_its_number(tmp_path: Path) -> None:
    path = in_folder(tmp_path, pictures())
    (path / "aster").mkdir()
    (path / ".cache").mkdir()
    assert set(labelled(path, **SORTED)) == {(0, 1), (1, 2), (2, 3)}


@pytest.mark.parametrize("pack", PACKS)
def test_images_deeper_in_a_class_are_of_it(pack: Pack, tmp_path: Path) -> None:
    path = pack(tmp_path, pictures({"daisy/a/1.png": 0, "daisy/2.png": 0, "rose/1.png": 1, ".hidden/1.png": 9}))
    assert sorted(labelled(path, **SORTED)) == [(0, 0), (0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("files", "classes", "words"),
    [
        (pictures({"1.png": 0, "rose/1.png": 1, "daisy/1.png": 1}), SORTED, "The image 1.png lies in no folder of a"),
        (pictures({"rose/1.png": 1}), SORTED, "images in the folder rose alone: name the folder that has a folder for"),
        (
            pictures(labels_txt=b"daisy\nrose"),
            {"labelFile": "labels.txt"},
            "has the folders tulip, which labels.txt does not name",
        ),
        (pictures(labels_txt=b"rose\ndaisy\nrose"), {"labelFile": "labels.txt"}, "names rose twice"),
    ],
)
def test_images_without_a_class_are_refused(
    tmp_path: Path, files: dict[str, bytes], classes: dict[str, Any], words: str
) -> None:
    assert words in refusal(in_folder(tmp_path, files), **classes)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            None,
            "There is no label file labels.txt beside the folders of the classes: put one there, or set classes.sort",
        ),
        (b"\xff\xfe", "labels.txt is no text in UTF-8"),
    ],
)
def test_a_label_file_that_cannot_be_read_is_named(pack: Pack, tmp_path: Path, more: bytes | None, words: str) -> None:
    path = pack(tmp_path, pictures() if more is None else pictures(labels_txt=more))
    assert words in refusal(path, Reason.DATASET_INVALID, labelFile="labels.txt")


def test_a_label_file_takes_no_longer_than_it_is_long(tmp_path: Path) -> None:
    """Each line was once looked for in all: a file of 1 MiB took an hour."""
    lines = "".join(f"{number}\n" for number in range(60_000))
    path = in_folder(tmp_path, pictures(labels_txt=f"daisy\nrose\ntulip\n{lines}".encode()))
    begun = time.process_time()
    assert set(labelled(path, labelFile="labels.txt")) == {(0, 0), (1, 1), (2, 2)}
    assert time.process_time() - begun < 5


def changed(archive: Path, *bits: tuple[bytes, int, int]) -> Path:
    """Change bytes of a zip archive, each so far behind where a header begins."""
    content = bytearray(archive.read_bytes())
    for header, offset, value in bits:
        content[content.index(header) + offset] = value
    archive.write_bytes(content)
    return archive


FILE, ENTRY = b"PK\3\4", b"PK\1\2"
LABELS_FIRST = {"labels.txt": b"daisy\nrose\ntulip", **pictures()}


def test_an_archive_with_a_password_is_refused_in_words(tmp_path: Path) -> None:
    path = changed(in_zip(tmp_path, pictures()), (FILE, 6, 1), (ENTRY, 8, 1))
    assert "is encrypted" in refusal(path, Reason.DATASET_INVALID, **SORTED)
    path = changed(in_zip(tmp_path, LABELS_FIRST), (FILE, 6, 1), (ENTRY, 8, 1))
    assert "is encrypted" in refusal(path, Reason.DATASET_INVALID, labelFile="labels.txt")


@pytest.mark.parametrize("method", [1, 8, 9, 14, 93, 99])
def test_an_archive_that_is_packed_otherwise_than_it_says_is_refused_in_words(tmp_path: Path, method: int) -> None:
    path = changed(in_zip(tmp_path, LABELS_FIRST), (FILE, 8, method), (ENTRY, 10, method))
    assert "cannot be read as an archive" in refusal(path, Reason.DATASET_INVALID, labelFile="labels.txt")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "labels.txt"),
        (tarfile.SYMTYPE, "nowhere"),
        (tarfile.SYMTYPE, "../../../etc/passwd"),
        (tarfile.LNKTYPE, "nowhere"),
        (tarfile.LNKTYPE, "../../../etc/passwd"),
    ],
)
def test_a_link_in_the_place_of_the_label_file_leads_nowhere(tmp_path: Path, kind: bytes, target: str) -> None:
    path = in_tar(tmp_path, LABELS_FIRST)
    link = tarfile.TarInfo("labels.txt")
    link.type, link.linkname = kind, target
    with tarfile.open(path) as packed, tarfile.open(tmp_path / "linked.tar", "w") as archive:
        for member in packed:
            archive.addfile(member, packed.extractfile(member))
        archive.addfile(link)
    assert "cannot be read as an archive" in refusal(
        tmp_path / "linked.tar", Reason.DATASET_INVALID, labelFile="labels.txt"
    )


def test_classes_are_for_folders_and_their_label_has_one_name(tmp_path: Path) -> None:
    vectors = npz(tmp_path, x=floats(6, 3))
    settings = LabelledSamples.from_object({"classes": SORTED})
    with pytest.raises(StepFailure, match="is no folder or archive with a folder of images for each class: leave"):
        reader.read_labelled(vectors, [signature(VECTOR)], settings, {}, field="the.field")
    assert "The dataset has class, image, but" in refusal(in_folder(tmp_path, pictures()), labels="kind", **SORTED)


@pytest.mark.parametrize("classes", [{}, {"sorted": False}, {"sorted": True, "labelFile": "labels.txt"}])
def test_there_is_one_way_to_number_classes(classes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="needs either sorted: true or labelFile"):
        ImageClasses.from_object(classes)


@pytest.mark.parametrize("name", ["../labels.txt", "/etc/passwd", ".hidden", "a/b.txt", ""])
def test_a_label_file_is_beside_the_folders(name: str) -> None:
    with pytest.raises(ValidationError, match="must be the name of a file"):
        ImageClasses.from_object({"labelFile": name})


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (["a/1.png", "b/1.png"], ""),
        (["top/a/1.png", "top/b/1.png"], "top/"),
        (["top/a/1.png", "top/a/2.png"], "top/"),
        (["a/1.png", "a/deep/2.png"], ""),
        (["a/1.png"], ""),
        (["1.png"], ""),
        ([], ""),
    ],
)
def test_the_folder_around_all_is_found(names: list[str], folder: str) -> None:
    assert class_folders.common_folder(names) == folder
