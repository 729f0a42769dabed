"""Datasets of pictures, in a folder and in each kind of archive."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image


def picture(color: tuple[int, int, int], size: tuple[int, int] = (6, 4), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def in_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).write_bytes(content)
    return folder / "images"


def in_zip(folder: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return folder / "images.zip"


def in_tar(folder: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(folder / "images.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "images.tar.gz"


Pack = Callable[[Path, Mapping[str, bytes]], Path]
PACKS: list[Pack] = [in_folder, in_zip, in_tar]
