"""The YAML that users are shown: files of examples/, and the blocks of the documentation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tflite_api import names

ROOT: Final = Path(__file__).parents[1]
_BLOCK: Final = re.compile(r"^```ya?ml\n(.*?)^```", re.DOTALL | re.MULTILINE)

Object = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """One document of YAML."""

    place: str
    content: Object

    @property
    def is_values(self) -> bool:
        """Return whether it is values of the Helm chart."""
        elsewhere = bool({"settings", "admissionPolicy"} & self.content.keys())
        return (self.place.startswith("docs/installing.md") or elsewhere) and not self.is_whole

    @property
    def is_whole(self) -> bool:
        """Return whether it is a whole object of the API, not a part of one or another tool's file."""
        return "apiVersion" in self.content and "kind" in self.content


def shown() -> list[Shown]:
    """Return every document of examples/, docs/ and the README."""
    return [*_files(), *_blocks()]


def example_conversions() -> list[Path]:
    """Return the files of examples/ that hold conversions."""
    return [
        path
        for path in sorted((ROOT / "examples").rglob("*.yaml"))
        if any(one.get("kind") == names.KIND for one in yaml.safe_load_all(path.read_text()))
    ]


def _files() -> Iterator[Shown]:
    for folder in ("examples", "docs"):
        for path in sorted((ROOT / folder).rglob("*.y*ml")):
            yield from _documents(str(path.relative_to(ROOT)), path.read_text())


def _blocks() -> Iterator[Shown]:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text()
        for block in _BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 2
            yield from _documents(f"{path.relative_to(ROOT)}:{line}", block[1])


def _documents(place: str, text: str) -> Iterator[Shown]:
    for number, content in enumerate(yaml.safe_load_all(text)):
        yield Shown(f"{place}#{number}" if number else place, content)
