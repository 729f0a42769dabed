"""What is generated says so in its first line, and by which command."""

import re
from functools import cache
from pathlib import Path

import pytest

from dev.generate import argocd_settings, chart_values, cli_page, fields_page, manifests, reasons_page
from dev.host.checkout import Checkout
from tflite_converter.proto import messages

ROOT = Checkout.here().root
PAGES = (
    argocd_settings.SETTINGS,
    cli_page.PAGE,
    *fields_page.PAGES.values(),
    messages.FILE,
    reasons_page.PAGE,
)
WITHOUT_COMMENTS = {path for path in manifests.copies() if path.suffix == ".json"}
COMMANDS = {
    f"python -m dev.generate.{file.stem}"
    for file in (ROOT / "dev/generate").glob("*.py")
    if '__name__ == "__main__"' in file.read_text()
}


@cache
def commands() -> dict[Path, list[str]]:
    """Return the commands that the first line of every generated file names."""
    files = {*PAGES, *manifests.generated(), *chart_values.written(manifests.CHART)} - WITHOUT_COMMENTS
    return {path: re.findall(r"`(python -m [\w.]+)`", first_line(path)) for path in files}


def first_line(path: Path) -> str:
    """Return the first line; of a schema, which begins with a brace, the one after it."""
    lines = path.read_text().splitlines()
    return lines[1] if path.suffix == ".json" else lines[0]


def test_every_generated_file_names_its_command_in_its_first_line() -> None:
    assert len(commands()) > 20
    assert [str(path) for path, named in commands().items() if len(named) != 1] == []


def test_every_command_is_named_by_what_it_writes() -> None:
    assert {command for named in commands().values() for command in named} == COMMANDS


def test_every_manifest_of_the_base_is_generated_but_for_two() -> None:
    base = set((ROOT / "deploy/base").iterdir())
    assert {path.name for path in base - set(commands())} == {"kustomization.yaml", "namespace.yaml"}


def test_a_page_beside_the_copies_without_comments_names_their_originals() -> None:
    page = (manifests.CHART / "files/README.md").read_text()
    assert len(WITHOUT_COMMENTS) == 1
    for path in WITHOUT_COMMENTS:
        assert f"| `{path.name}` | `{manifests.COPIES[path.name].relative_to(ROOT)}` |" in page


@pytest.mark.parametrize("extra", ["dev", "operator", "converter"])
def test_a_lock_names_its_command(extra: str) -> None:
    assert first_line(ROOT / f"locks/{extra}.txt") == "# Written by `make lock` from pyproject.toml."
