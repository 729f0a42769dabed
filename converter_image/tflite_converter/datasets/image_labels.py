"""The classes of the images in a folder or archive, by the folders that they lie in."""

import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.spec import ImageClasses
from tflite_converter.core.failure import StepFailure
from tflite_converter.datasets import class_folders
from tflite_converter.datasets.image_names import is_image

_LABEL_FILE: Final = 1024**2
"""Bytes that are read of one."""


def of(path: Path, classes: ImageClasses, most: int) -> dict[str, int]:
    """Return the class of as many images as are wanted, by their names in the folder or archive.

    Raises:
        StepFailure: DatasetInvalid where there is no label file to read, DatasetMismatch where an image has no class.
    """
    files = _files(path)
    images = list(filter(is_image, files))
    top = "" if path.is_dir() else class_folders.common_folder(images)
    lines = _lines(path, files, f"{top}{classes.label_file}") if classes.label_file is not None else None
    inside = {name.removeprefix(top): files[name] for name in images}
    # A folder on disk may have classes without images: prepare fetches some of all.
    folders = {class_folders.class_of(name) for name in inside} | _folders(path)
    numbers = class_folders.numbers([name for name in folders if name is not None], classes, lines)
    taken = class_folders.labelled(class_folders.chosen(inside, most), numbers)
    return {inside[name]: number for name, number in taken.items()}


def _files(path: Path) -> Mapping[str, str]:
    """Return the names of all files as they are there, by plain ones: tar archives often begin each with `./`."""
    if path.is_dir():
        names = [str(found.relative_to(path)) for found in path.rglob("*") if found.is_file()]
    elif path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    else:
        with tarfile.open(path) as tape:
            names = [member.name for member in tape if member.isfile()]
    return {str(PurePosixPath(name)): name for name in names}


def _folders(path: Path) -> set[str | None]:
    if not path.is_dir():
        return set()
    return {found.name for found in path.iterdir() if found.is_dir() and not found.name.startswith(".")}


def _lines(path: Path, files: Mapping[str, str], name: str) -> Sequence[str]:
    if name not in files:
        words = f"There is no label file {name} beside the folders of the classes"
        raise StepFailure(Reason.DATASET_INVALID, words, "put one there, or set classes.sorted: true")
    try:
        return _content(path, files[name]).decode().splitlines()
    except UnicodeDecodeError as error:
        raise StepFailure(Reason.DATASET_INVALID, f"{name} is no text in UTF-8", "write it again") from error


def _content(path: Path, name: str) -> bytes:
    if path.is_dir():
        with (path / name).open("rb") as file:
            return file.read(_LABEL_FILE)
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(name) as packed:
            return packed.read(_LABEL_FILE)
    with tarfile.open(path) as tape:
        taken = tape.extractfile(name)
        return taken.read(_LABEL_FILE) if taken is not None else b""
