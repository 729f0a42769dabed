"""Whatever the documents have somebody install is pinned by its digest."""

import re
import shlex
from collections.abc import Iterator
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dev.host.checkout import Checkout

ROOT = Checkout.here().root
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
DOCKERFILES = (ROOT / "operator/Dockerfile", ROOT / "converter_image/Dockerfile")


def installs(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each `pip install` of a page."""
    for command in re.findall(r"pip install ([^&|\n]*)", page.read_text().replace("\\\n", " ")):
        yield shlex.split(command.partition("`")[0])


def pins(name: str) -> dict[str, str]:
    """Return the version of each package in a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", (ROOT / "locks" / name).read_text(), re.MULTILINE))


def test_the_readme_installs_something() -> None:
    assert len(list(installs(ROOT / "README.md"))) == 2


@pytest.mark.parametrize("page", [*PAGES, *DOCKERFILES], ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_installed_is_pinned(page: Path) -> None:
    for arguments in installs(page):
        assert "--no-deps" in arguments, arguments
        if "." in arguments:
            # Else pip fetches what it builds with, whatever is the newest.
            assert "--no-build-isolation" in arguments, arguments
            continue
        assert "--require-hashes" in arguments, arguments
        locks = [value for option, value in pairwise(arguments) if option == "-r"]
        assert locks
        for lock in locks:
            assert (ROOT / lock.removeprefix("/")).exists(), lock


def test_all_that_the_build_needs_is_pinned_as_it_is_here() -> None:
    ours, dev = pins("build.txt"), pins("dev.txt")
    assert ours.items() <= dev.items()
    waiting, needed = ["hatchling"], set[str]()
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        wanted = map(Requirement, metadata.requires(name) or ())
        waiting += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    assert set(ours) == needed


def test_every_pin_has_its_hashes() -> None:
    for lock in (ROOT / "locks").glob("*.txt"):
        for block in re.split(r"\n(?=\S)", lock.read_text())[1:]:
            assert "--hash=sha256:" in block, block
