"""Zip archives are held to the same as others, and to what only they can do."""

import stat
import zipfile
from pathlib import Path

import pytest

from tests.unit.converter.fetch.archive.archives import refused, unpacked, zip_special, zipped
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits


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
