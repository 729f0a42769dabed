"""Hostile archives are refused, and nothing is ever written outside the folder."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch.archive.extraction import Unpacking, link_target, safe_path
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


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_plain_archive_is_unpacked_whatever_its_compression(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    content = b"weights" * 100_000
    folder = unpacked(tmp_path, compress(pack(plain("./saved_model.pb"), plain("variables/data", content))))
    assert (folder / "saved_model.pb").read_bytes() == b"x"
    assert (folder / "variables" / "data").read_bytes() == content


@pytest.mark.parametrize(
    "member",
    [
        plain("../escaped"),
        plain("a/../../escaped"),
        plain("/escaped"),
        special("../escaped", tarfile.DIRTYPE),
        special("link", tarfile.SYMTYPE, "../../escaped"),
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.LNKTYPE, "../escaped"),
        special("link", tarfile.LNKTYPE, "/etc/passwd"),
        special("link", tarfile.SYMTYPE, "absent"),
        special("pipe", tarfile.FIFOTYPE),
        special("device", tarfile.CHRTYPE),
        special("disk", tarfile.BLKTYPE),
    ],
    ids=lambda member: f"{member[0].type.decode()}-{member[0].name}-{member[0].linkname}",
)
def test_paths_links_and_devices_that_leave_the_folder_are_refused(tmp_path: Path, member: Member) -> None:
    assert refused(tmp_path, pack(plain("saved_model.pb"), member)).reason is Reason.ARCHIVE_REFUSED


def test_a_file_is_not_written_through_a_link_to_a_folder(tmp_path: Path) -> None:
    hostile = pack(special("there", tarfile.SYMTYPE, ".."), plain("there/escaped"))
    assert refused(tmp_path, hostile).reason is Reason.ARCHIVE_REFUSED


def test_links_inside_the_archive_become_the_files_they_mean(tmp_path: Path) -> None:
    folder = unpacked(
        tmp_path,
        pack(
            special("a/first", tarfile.SYMTYPE, "../second"),
            special("second", tarfile.SYMTYPE, "b/data"),
            plain("b/data", b"weights"),
            special("third", tarfile.LNKTYPE, "b/data"),
        ),
    )
    for name in ("a/first", "second", "third"):
        assert (folder / name).read_bytes() == b"weights"
        assert not (folder / name).is_symlink()


def test_links_that_lead_in_a_circle_are_refused(tmp_path: Path) -> None:
    circle = pack(special("a", tarfile.SYMTYPE, "b"), special("b", tarfile.SYMTYPE, "a"))
    assert refused(tmp_path, circle).reason is Reason.ARCHIVE_REFUSED


@pytest.mark.parametrize(
    "members",
    [(plain("a"), plain("./a")), (plain("a"), plain("a/b")), (plain("a/b"), plain("a"))],
    ids=["twice", "file then folder", "folder then file"],
)
def test_a_name_comes_once(tmp_path: Path, members: tuple[Member, ...]) -> None:
    assert refused(tmp_path, pack(*members)).reason is Reason.ARCHIVE_REFUSED


def test_a_bomb_stops_while_it_streams(tmp_path: Path) -> None:
    bomb = gzip.compress(pack(plain("zeros", bytes(100 << 20))))
    assert len(bomb) * 500 < 100 << 20
    assert refused(tmp_path, bomb).reason is Reason.ARCHIVE_REFUSED
    assert sum(path.stat().st_size for path in (tmp_path / "inner").rglob("*") if path.is_file()) <= 65 << 20


def test_a_bomb_in_one_name_is_not_taken_into_memory(tmp_path: Path) -> None:
    info, content = plain("a")
    info.pax_headers = {"comment": "x" * (3 << 20)}
    for number, members in enumerate([((info, content),), (plain("first"), (info, content))]):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert "name and attributes" in refused(folder, gzip.compress(pack(*members))).message


def test_a_sparse_file_is_refused_before_it_grows(tmp_path: Path) -> None:
    info, content = plain("holes", b"0\n")
    info.pax_headers = {"GNU.sparse.size": str(1 << 40), "GNU.sparse.map": "0,2"}
    assert refused(tmp_path, pack((info, content))).reason is Reason.ARCHIVE_REFUSED


def test_a_header_that_tarfile_trips_over_is_damage(tmp_path: Path) -> None:
    info, content = plain("holes", b"0\n")
    info.pax_headers = {"GNU.sparse.size": "1", "GNU.sparse.map": "no number"}
    assert refused(tmp_path, pack((info, content))).reason is Reason.NOT_A_SAVED_MODEL


def test_limits_of_size_and_count_hold(tmp_path: Path) -> None:
    many = pack(*(plain(f"file-{number}") for number in range(11)))
    assert refused(tmp_path, many, FetchLimits(max_files=10)).reason is Reason.ARCHIVE_REFUSED


def test_more_than_the_size_allowed_is_too_large(tmp_path: Path) -> None:
    large = pack(plain("a", bytes(600)), plain("b", bytes(600)))
    assert refused(tmp_path, large, FetchLimits(max_unpacked_bytes=1000)).reason is Reason.MODEL_TOO_LARGE


@pytest.mark.parametrize(
    "content", [b"", b"<html>not here</html>" * 100, b"\x1f\x8b" + b"rubbish" * 100, b"PK\3\4" * 99]
)
def test_what_is_no_archive_is_no_model(tmp_path: Path, content: bytes) -> None:
    failure = refused(tmp_path, content)
    assert failure.reason is Reason.NOT_A_SAVED_MODEL


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_truncated_archive_is_damaged(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    whole = compress(pack(plain("data", bytes(range(256)) * 4096)))
    failure = refused(tmp_path, whole[: len(whole) // 2])
    assert failure.reason is Reason.NOT_A_SAVED_MODEL
    assert "damaged" in failure.message


def test_a_wrong_checksum_at_the_end_is_damage(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(pack(plain("data", b"weights"))))
    whole[-8] ^= 0xFF
    assert refused(tmp_path, bytes(whole)).reason is Reason.NOT_A_SAVED_MODEL


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


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_archive_is_unpacked_whatever_it_is_called(tmp_path: Path, method: int) -> None:
    content = b"weights" * 100_000
    folder = unpacked(
        tmp_path, zipped(("a/", b""), ("./saved_model.pb", b"x"), ("variables/data", content), method=method)
    )
    assert (folder / "saved_model.pb").read_bytes() == b"x"
    assert (folder / "variables" / "data").read_bytes() == content
    assert (folder / "a").is_dir()


@pytest.mark.parametrize(
    "member",
    [
        ("../escaped", b"x"),
        ("a/../../escaped", b"x"),
        ("/escaped", b"x"),
        ("../escaped/", b""),
        zip_special("link", stat.S_IFLNK, b"../../escaped"),
        zip_special("link", stat.S_IFLNK, b"/etc/passwd"),
        zip_special("link", stat.S_IFLNK, b"absent"),
        zip_special("pipe", stat.S_IFIFO),
        zip_special("device", stat.S_IFCHR),
    ],
    ids=str,
)
def test_a_zip_archive_leads_outside_no_more_than_another(
    tmp_path: Path, member: tuple[str | zipfile.ZipInfo, bytes]
) -> None:
    assert refused(tmp_path, zipped(("saved_model.pb", b"x"), member)).reason is Reason.ARCHIVE_REFUSED


def test_a_link_inside_a_zip_archive_becomes_the_file_it_means(tmp_path: Path) -> None:
    link = zip_special("a/link", stat.S_IFLNK, b"../data")
    folder = unpacked(tmp_path, zipped(link, ("data", b"weights")))
    assert (folder / "a" / "link").read_bytes() == b"weights"
    assert not (folder / "a" / "link").is_symlink()


def test_a_zip_bomb_stops_while_it_streams(tmp_path: Path) -> None:
    bomb = zipped(("zeros", bytes(100 << 20)))
    assert "times its" in refused(tmp_path, bomb).message
    assert sum(path.stat().st_size for path in (tmp_path / "inner").rglob("*") if path.is_file()) <= 65 << 20


def test_a_zip_archive_that_lies_about_sizes_writes_no_more_than_allowed(tmp_path: Path) -> None:
    honest = zipped(("a", bytes(1 << 20)))
    # In the local header and in the directory: the unpacked size.
    lying = honest.replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != honest
    failure = refused(tmp_path, lying, FetchLimits(max_unpacked_bytes=1000))
    assert failure.reason in {Reason.NOT_A_SAVED_MODEL, Reason.MODEL_TOO_LARGE}
    assert sum(path.stat().st_size for path in (tmp_path / "inner").rglob("*") if path.is_file()) <= 1000


def test_the_limits_hold_for_a_zip_archive(tmp_path: Path) -> None:
    for number, (members, limits, reason) in enumerate(
        [
            ([(f"file-{number}", b"x") for number in range(11)], {"max_files": 10}, Reason.ARCHIVE_REFUSED),
            ([("a", bytes(600)), ("b", bytes(600))], {"max_unpacked_bytes": 1000}, Reason.MODEL_TOO_LARGE),
            ([("a", b"1"), ("a", b"2")], {}, Reason.ARCHIVE_REFUSED),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert refused(folder, zipped(*members), FetchLimits(**limits)).reason is reason


def test_a_zip_archive_s_directory_is_not_taken_into_memory_whatever_its_size(tmp_path: Path) -> None:
    whole = bytearray(zipped(("a", b"x")))
    # The end of the directory says how long it is (4.3.16 of PKWARE's APPNOTE.TXT).
    end = whole.rindex(b"PK\5\6")
    whole[end + 12 : end + 16] = (100 << 20).to_bytes(4, "little")
    padded = bytes(whole[:end]) + bytes(100 << 20) + bytes(whole[end:])
    failure = refused(tmp_path, padded, FetchLimits(max_files=10))
    assert "directory of 100.0 MiB" in failure.message


def test_what_a_zip_archive_may_be_packed_with_is_said(tmp_path: Path) -> None:
    assert "deflate" in refused(tmp_path, zipped(("a", b"x"), method=zipfile.ZIP_LZMA)).message


def test_an_encrypted_zip_archive_is_told_so(tmp_path: Path) -> None:
    whole = bytearray(zipped(("a", b"x")))
    for start, flags in ((whole.index(b"PK\3\4"), 6), (whole.index(b"PK\1\2"), 8)):
        whole[start + flags] |= 1
    assert "without a password" in refused(tmp_path, bytes(whole)).message


def test_a_damaged_zip_archive_is_told_so(tmp_path: Path) -> None:
    whole = zipped(("data", bytes(range(256)) * 4096))
    for number, content in enumerate((whole[: len(whole) // 2], whole.replace(whole[60:64], b"rubb"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        failure = refused(folder, content)
        assert failure.reason is Reason.NOT_A_SAVED_MODEL
        assert "damaged" in failure.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\n <!DOCTYPE html><p>Not here", "a web page"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "7-Zip"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(99), "RAR"),
        (b"\x28\xb5\x2f\xfd" + bytes(99), "Zstandard"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
        (b"\x1c\0\0\0TFL3" + bytes(99), ".tflite"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"\x08\x01\x12\x07" + bytes(99), "without its folder"),
        (b"rubbish" * 99, "no archive of a kind that is known"),
        (gzip.compress(b"rubbish" * 99, mtime=0), "no tar archive"),
    ],
)
def test_what_is_no_archive_is_named_with_what_to_write_instead(tmp_path: Path, content: bytes, words: str) -> None:
    failure = refused(tmp_path, content)
    assert failure.reason is Reason.NOT_A_SAVED_MODEL
    assert words in failure.message
    assert failure.message.startswith("model.archive.url gives ")
    assert failure.message.endswith("name a tar, tar.gz, tar.bz2, tar.xz or zip archive of a SavedModel")


PATHS = st.lists(st.sampled_from(["..", ".", "", "a", "b", "…"]), max_size=6).map("/".join)


@given(PATHS)
def test_no_path_leads_outside(name: str) -> None:
    try:
        segments = safe_path(name)
    except StepFailure:
        assert ".." in name.split("/") or name.startswith("/")
    else:
        assert not {"", ".", ".."}.intersection(segments)


@given(PATHS, PATHS, st.booleans())
def test_no_link_leads_outside(link: str, target: str, symbolic: bool) -> None:
    try:
        resolved = link_target(safe_path(link), target, symbolic=symbolic)
    except StepFailure:
        return
    assert not {"", ".", ".."}.intersection(resolved)


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
