"""A folder as a tar.gz that has the same bytes every time, so that its sha256 can be pinned."""

import gzip
import os
import tarfile
from pathlib import Path
from typing import IO


def pack(folder: Path, output: IO[bytes]) -> None:
    """Write a folder's files in the order of their names, without owners and times."""
    # filename="" keeps the name of a temporary file out of the header; level 1 because weights hardly shrink.
    with (
        gzip.GzipFile(filename="", fileobj=output, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in _below(folder):
            tar.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)


def _below(folder: Path) -> list[Path]:
    found = []
    for base, folders, names in os.walk(folder):
        found += [Path(base) / name for name in (*folders, *names)]
    return sorted(found)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() else 0o644
    return member
