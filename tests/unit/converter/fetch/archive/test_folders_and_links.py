"""Folders and links of an archive take no more than files do."""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.unit.converter.fetch.archive.archives import pack, plain, refused, special, unpacked
from tflite_api.steps.step import FetchLimits
from tflite_converter.fetch.archive.extraction import Unpacking


def inodes(tmp_path: Path) -> int:
    return sum(1 for _ in (tmp_path / "inner" / "folder").rglob("*"))


def packed_zip(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return packed.getvalue()


@pytest.mark.parametrize("depth", [34, 500])
@pytest.mark.parametrize("kind", ["file", "folder", "link", "zip"])
def test_folders_are_not_nested_without_end(tmp_path: Path, depth: int, kind: str) -> None:
    path = "/".join("a" * depth)
    hostile = {
        "file": lambda: pack(plain(path)),
        "folder": lambda: pack(special(path, tarfile.DIRTYPE)),
        "link": lambda: pack(plain("b"), special(path, tarfile.LNKTYPE, "b")),
        "zip": lambda: packed_zip(path),
    }[kind]()
    assert "more than 32 folders deep" in refused(tmp_path, hostile).message
    assert inodes(tmp_path) <= 1


@pytest.mark.parametrize("kind", ["files", "folders", "links", "zip"])
def test_folders_that_come_with_other_members_are_counted(tmp_path: Path, kind: str) -> None:
    # Thirty folders each: no more than a hundred members, and three thousand inodes.
    paths = [f"{number}/" + "/".join("a" * 29) for number in range(100)]
    hostile = {
        "files": lambda: pack(*(plain(f"{path}/f") for path in paths)),
        "folders": lambda: pack(*(special(path, tarfile.DIRTYPE) for path in paths)),
        "links": lambda: pack(plain("f"), *(special(f"{path}/f", tarfile.LNKTYPE, "f") for path in paths)),
        "zip": lambda: packed_zip(*(f"{path}/f" for path in paths)),
    }[kind]()
    assert "holds more than 200 folders" in refused(tmp_path, hostile, FetchLimits(max_files=200)).message
    assert inodes(tmp_path) <= 2 * 200


def test_as_many_folders_as_a_model_may_have_files_are_made(tmp_path: Path) -> None:
    deep = "/".join("abcdefghijklmnopqrstuvwxyzabcdef")
    folder = unpacked(tmp_path, pack(special(deep, tarfile.DIRTYPE), plain(f"{deep}/f")), FetchLimits(max_files=32))
    assert (folder / deep / "f").read_bytes() == b"x"


@pytest.mark.parametrize("order", ["towards the file", "away from it"])
def test_links_to_links_take_a_step_each(tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 9000
    chain = [special(f"l{at}", tarfile.SYMTYPE, f"l{at + 1}") for at in range(count)]
    members = chain if order == "towards the file" else chain[::-1]
    steps = 0

    class Links(dict[tuple[str, ...], tuple[str, ...]]):
        def __getitem__(self, link: tuple[str, ...]) -> tuple[str, ...]:
            nonlocal steps
            steps += 1
            return super().__getitem__(link)

        def get(self, *_: object) -> NoReturn:
            raise AssertionError("every step is counted")

    begin = Unpacking.__init__

    def counting(self: Unpacking, *given: Any) -> None:
        begin(self, *given)
        self._links = Links()

    monkeypatch.setattr(Unpacking, "__init__", counting)
    folder = unpacked(tmp_path, pack(*members, plain(f"l{count}", b"weights")))
    assert (folder / "l0").read_bytes() == b"weights"
    assert steps <= 3 * count


@pytest.mark.parametrize("length", [1, 2, 1000])
def test_a_circle_with_ways_into_it_is_refused(tmp_path: Path, length: int) -> None:
    circle = [special(f"c{at}", tarfile.SYMTYPE, f"c{(at + 1) % length}") for at in range(length)]
    ways = [special(f"w{at}", tarfile.SYMTYPE, f"w{at + 1}" if at < 500 else "c0") for at in range(501)]
    assert "leads to no file" in refused(tmp_path, pack(*ways, *circle)).message
