"""Archives, plain and hostile, and what becomes of them."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch.archive.unpack import unpack

Member = tuple[tarfile.TarInfo, bytes]


def plain(name: str, content: bytes = b"x") -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def special(name: str, kind: bytes, target: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def pack(*members: Member, tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tar_format) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def unpacked(tmp_path: Path, content: bytes, limits: FetchLimits | None = None) -> Path:
    (tmp_path / "archive").write_bytes(content)
    folder = tmp_path / "inner" / "folder"
    folder.mkdir(parents=True)
    unpack(tmp_path / "archive", folder, limits or FetchLimits(), "model.archive.url")
    return folder


def refused(tmp_path: Path, content: bytes, limits: FetchLimits | None = None) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        unpacked(tmp_path, content, limits)
    outside = {path for path in tmp_path.rglob("*") if (tmp_path / "inner" / "folder") not in path.parents}
    assert outside == {tmp_path / "archive", tmp_path / "inner", tmp_path / "inner" / "folder"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    return caught.value


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def zip_special(name: str, kind: int, content: bytes = b"") -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o644) << 16
    return info, content
