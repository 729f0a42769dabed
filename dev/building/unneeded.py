"""What an image's lock file brings and nothing in the image uses: taken out again while the image is built.

`python unneeded.py LIST SITE_PACKAGES` in a Dockerfile, so the standard library alone, and binutils where the list has
symbols. Each image has its list, `unneeded.toml` beside its Dockerfile, with the reason for every entry. An entry that
fits nothing is an error: after an upgrade it says that somebody has to look again.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Self

_KEYS: Final = {"packages": {"names", "why"}, "paths": {"names", "but", "why"}, "symbols": {"names", "why"}}


class WrongListError(Exception):
    """A list that does not fit what is installed; the message names the entry."""


@dataclass(frozen=True)
class Pattern:
    """Files and folders below site-packages."""

    fitting: str
    but: tuple[str, ...] = ()
    """Patterns of what stays all the same."""


@dataclass(frozen=True)
class Unneeded:
    """A list."""

    packages: tuple[str, ...] = ()
    """By the names that pip knows them by."""
    patterns: tuple[Pattern, ...] = ()
    stripped: tuple[str, ...] = ()
    """Libraries below site-packages whose symbols for debuggers go."""

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read it.

        Raises:
            WrongListError: an entry has no reason, or something else beside what it names.
        """
        content = tomllib.loads(file.read_text())
        if unknown := content.keys() - _KEYS.keys():
            raise WrongListError(f"{file} has {', '.join(sorted(unknown))}: write {', '.join(_KEYS)}")
        for kind, known in _KEYS.items():
            for entry in content.get(kind, []):
                _check(f"an entry of {kind} in {file}", entry, known)
        return cls(
            packages=tuple(name for entry in content.get("packages", ()) for name in entry["names"]),
            patterns=tuple(
                Pattern(name, tuple(entry.get("but", ())))
                for entry in content.get("paths", ())
                for name in entry["names"]
            ),
            stripped=tuple(name for entry in content.get("symbols", ()) for name in entry["names"]),
        )


def _check(where: str, entry: dict[str, Any], known: set[str]) -> None:
    if unknown := entry.keys() - known:
        raise WrongListError(f"{where} has {', '.join(sorted(unknown))}: write {', '.join(sorted(known))}")
    for key in ("names", "why"):
        if not entry.get(key):
            raise WrongListError(f"{where} has no {key}: {entry}")


def chosen(unneeded: Unneeded, site: Path) -> Iterator[Path]:
    """Yield the files and folders that go.

    Raises:
        WrongListError: a package is not installed, or nothing fits a pattern.
    """
    for name in unneeded.packages:
        yield from _of_package(name, site)
    for pattern in unneeded.patterns:
        kept = {path for each in pattern.but for path in site.glob(each)}
        fitting = [path for path in site.glob(pattern.fitting) if path not in kept]
        if not fitting:
            raise WrongListError(f"nothing fits {pattern.fitting} in {site}")
        yield from fitting


def _of_package(name: str, site: Path) -> Iterator[Path]:
    found = next(iter(metadata.distributions(name=name, path=[str(site)])), None)
    if found is None or not found.files:
        raise WrongListError(f"the package {name} is not installed in {site}")
    environment = site.parents[2]
    for file in found.files:
        # Its commands are three folders above.
        path = Path(os.path.normpath(site / file))
        if path.is_relative_to(environment):
            yield path


def remove(unneeded: Unneeded, site: Path) -> None:
    """Remove what the list names, and the folders that have nothing in them then.

    Raises:
        WrongListError: see `chosen`.
    """
    for path in list(chosen(unneeded, site)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder, _, _ in os.walk(site, topdown=False):
        if folder != str(site) and not any(Path(folder).iterdir()):
            Path(folder).rmdir()


def libraries(unneeded: Unneeded, site: Path) -> list[Path]:
    """Return the libraries to strip.

    Raises:
        WrongListError: one is not there.
    """
    found = []
    for name in unneeded.stripped:
        fitting = sorted(site.glob(name))
        if not fitting:
            raise WrongListError(f"nothing fits {name} in {site}")
        found += fitting
    return found


def main() -> None:
    """Remove it, and strip what is left."""
    listed, site = map(Path, sys.argv[1:3])
    try:
        unneeded = Unneeded.read(listed)
        remove(unneeded, site)
        to_strip = libraries(unneeded, site)
    except WrongListError as error:
        sys.exit(str(error))
    if to_strip:
        subprocess.run(["strip", "--strip-unneeded", *map(str, to_strip)], check=True)


if __name__ == "__main__":
    main()
