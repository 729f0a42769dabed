"""Every console block of the documentation is run by a test, or it is said why not."""

import re
import runpy
import subprocess

import pytest

from tests.e2e.documents import documented_commands
from tests.e2e.documents.documented_commands import GIVEN, NOT_RUN, PAGES, PLAYGROUND, ROOT, TUTORIAL, Block

BLOCKS = [block for page in documented_commands.pages() for block in documented_commands.blocks(page)]


def place(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_every_block_is_run_or_has_a_reason_why_not() -> None:
    assert len(BLOCKS) > 40
    assert [f"{place(block)} {block.commands}" for block in BLOCKS if not block.is_run and not block.excuses] == []


def test_a_block_without_a_prompt_is_none() -> None:
    assert [place(block) for block in BLOCKS if not block.commands] == []


def test_every_reason_speaks_of_one_block() -> None:
    spoken = [excuse for block in BLOCKS for excuse in block.excuses]
    assert sorted(spoken) == sorted(NOT_RUN)


def test_every_test_that_a_reason_names_exists() -> None:
    named = {name for reason in NOT_RUN.values() for name in re.findall(r"[\w/]+\.py", reason)}
    paths = {name if name.startswith("tests/") else f"tests/e2e/{name}" for name in named}
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_page_that_is_run_has_something_to_run() -> None:
    assert [page for page in (TUTORIAL, PLAYGROUND, *PAGES) if not documented_commands.run_commands(page)] == []


def test_what_is_given_is_written_at_the_beginning_of_a_page() -> None:
    for page, given in ((TUTORIAL, GIVEN[:2]), (PLAYGROUND, GIVEN)):
        written = [command for block in documented_commands.blocks(page) for command in block.commands]
        assert tuple(written[: len(given)]) == given


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.is_run], ids=place)
def test_a_command_is_whole(block: Block) -> None:
    """What is run is what the page's copy button takes, so a line that is left out fails here."""
    for command in block.commands:
        read = subprocess.run(["bash", "-n", "-c", command], check=False, capture_output=True, text=True)
        assert (read.returncode, read.stderr) == (0, ""), command


def test_the_copy_button_takes_what_is_run() -> None:
    settings = runpy.run_path(str(ROOT / "docs/conf.py"))
    taken = {name: settings.get(f"copybutton_{name}") for name in ("prompt_text", "line_continuation_character")}
    assert taken == {"prompt_text": "$ ", "line_continuation_character": "\\"}
    assert settings.get("copybutton_here_doc_delimiter") == "EOF"
