"""Labels that are names of folders: one of images for each class, as Keras' image_dataset_from_directory takes them.

Known without numpy and Pillow, where images are fetched.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final, NoReturn

from tflite_api.reasons import Reason
from tflite_api.resource.spec import ImageClasses
from tflite_converter.core.failure import StepFailure

LABEL: Final = "class"
"""What metrics call the numbers of the classes."""
_SHOWN: Final = 5


def chosen(names: Iterable[str], most: int) -> list[str]:
    """Return as many names as are wanted, in their order: the same each time, and of all classes alike."""
    shuffled = sorted(names, key=lambda name: sha256(name.encode(errors="surrogateescape")).digest())
    return sorted(shuffled[:most])


def class_of(name: str) -> str | None:
    """Return the folder of a class that an image lies in; None where it lies in none."""
    folder, _, inside = name.partition("/")
    return folder if folder and inside else None


def common_folder(names: Sequence[str]) -> str:
    """Return the folder, with a slash at its end, in which an archive has the folders of the classes; mostly it is one.

    Args:
        names: of all images.
    """
    folders = [PurePosixPath(name).parent.parts for name in names]
    shared = list(min(folders, default=()))
    for parts in folders:
        while shared != list(parts[: len(shared)]):
            shared.pop()
    # Images of one class alone have its folder in common as well.
    if any(list(parts) == shared for parts in folders):
        shared = shared[:-1]
    return "".join(f"{part}/" for part in shared)


def numbers(folders: Collection[str], asked: ImageClasses, lines: Sequence[str] | None) -> Mapping[str, int]:
    """Return the number of each class.

    Args:
        folders: names of all folders with images.
        asked: how they are numbered.
        lines: of the label file, where there is to be one.

    Raises:
        StepFailure: DatasetMismatch where a folder is no class of the file, or there is but one.
    """
    if lines is None:
        if len(folders) < 2:
            found = f"The dataset has images in the folder {', '.join(folders) or 'of no class'} alone"
            _refuse(found, "name the folder that has a folder for each class")
        return {name: number for number, name in enumerate(sorted(folders))}
    listed = [line.strip() for line in lines]
    while listed and not listed[-1]:
        listed.pop()
    twice = sorted(name for name, count in Counter(listed).items() if count > 1)
    if twice:
        _refuse(f"{asked.label_file} names {', '.join(twice[:_SHOWN])} twice", "write each class once")
    if unknown := sorted(set(folders) - set(listed)):
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        _refuse(
            f"The dataset has the folders {', '.join(unknown[:_SHOWN])}{more}, which {asked.label_file} does not name",
            "give each class a line, in the order of the output's places",
        )
    return {name: number for number, name in enumerate(listed)}


def labelled(names: Iterable[str], folders: Mapping[str, int]) -> dict[str, int]:
    """Return the number of the class of each image.

    Raises:
        StepFailure: DatasetMismatch where an image lies in no folder of a class.
    """
    found = {}
    for name in names:
        folder = class_of(name)
        if folder is None:
            _refuse(f"The image {name} lies in no folder of a class", "move it into one")
        found[name] = folders[folder]
    return found


def _refuse(found: str, cure: str) -> NoReturn:
    raise StepFailure(Reason.DATASET_MISMATCH, found, cure)
