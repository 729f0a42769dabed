"""Hostile archives are refused, and nothing is ever written outside the folder."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.converter.fetch.archive.archives import Member, pack, plain, refused, special, unpacked
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch.archive.extraction import link_target, safe_path


def in_streams(content: bytes) -> bytes:
    """Pack as programs do that use several cores: one stream after the other, with padding between."""
    third = len(content) // 3
    return lzma.compress(content[:third]) + bytes(65_536) + lzma.compress(content[third:]) + bytes(4)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress, in_streams])
def test_a_plain_archive_is_unpacked_whatever_its_compression(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    content = b"weights" * 100_000
    folder = unpacked(tmp_path, compress(pack(plain("./saved_model.pb"), plain("variables/data", content))))
    assert (folder / "saved_model.pb").read_bytes() == b"x"
    assert (folder / "variables" / "data").read_bytes() == content


def test_streams_without_end_are_refused(tmp_path: Path) -> None:
    packed = lzma.compress(pack(plain("saved_model.pb"))[:512]) + lzma.compress(b"") * 10_000
    assert "more than 10000 xz streams" in refused(tmp_path, packed).message


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
