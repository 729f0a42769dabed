"""The documentation builds without a warning, and the pages that are written from a fact's home are current."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from dev.generate import fields_page
from dev.host.checkout import Checkout
from dev.testing.browser import executable

ROOT = Path(__file__).parents[3]
CUT_TABLES = """() => [...document.querySelectorAll('.table-wrapper')]
  .filter(table => table.scrollWidth > table.clientWidth + 1)
  .map(table => table.querySelector('th').textContent)"""
"""Names each table that has to be scrolled, by its first heading."""


# Built once for both.
with_site = pytest.mark.xdist_group("site")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the documentation, every warning an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", "-d", str(folder / "trees")]
    folders = [str(ROOT / "docs"), str(folder / "html")]
    built = subprocess.run([*command, *folders], check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "html"


@with_site
def test_the_documentation_builds_without_a_warning(site: Path) -> None:
    assert "Integers throughout" in (site / "recipes/int8.html").read_text()


@with_site
def test_no_table_is_cut_at_the_edge_of_a_desktop_s_window(site: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(Checkout.here()))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        cut = {}
        for path in sorted(site.rglob("*.html")):
            page.goto(path.as_uri())
            if found := page.evaluate(CUT_TABLES):
                cut[str(path.relative_to(site))] = found
        browser.close()
    assert cut == {}


def test_the_index_says_in_a_line_what_each_page_is_for() -> None:
    index = (ROOT / "docs/index.md").read_text()
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    rows = dict(re.findall(r"^\| \[[^]]+\]\(([\w./-]+)\) \| (.+) \|$", index, re.MULTILINE))
    assert {page for page in pages if not rows.get(page, "").endswith(".")} == set()
    contents = {f"{page}.md" for page in re.findall(r"^[\w/-]+$", index.partition("```{toctree}")[2], re.MULTILINE)}
    assert pages - contents == set()


def test_every_link_has_a_text() -> None:
    """Sphinx would put in a heading; where the files are read as they are, such a link is not seen."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert [str(page) for page in pages if re.search(r"(?<!!)\[\]\(", page.read_text())] == []


@pytest.mark.parametrize("part", ["spec", "status"])
def test_the_page_of_the_fields_is_current(part: str) -> None:
    written = fields_page.PAGES[part].read_text()
    assert written == fields_page.page(part), "run python -m dev.generate.fields_page"


def test_the_page_of_the_fields_says_what_a_field_is() -> None:
    page = fields_page.page("spec")
    section = page[page.index("## `spec.quantization.type`") :].split("##")[1]
    assert "default `None`" in section
    assert "one of `None`, `Float16`, `DynamicRange`" in section
    assert "- minSNRDecibels" not in section
    assert "required" in page[page.index("## `spec.model.archive.url`") :].split("##")[1]
    assert "`status." not in page


def test_types_of_kubernetes_are_left_to_its_own_pages() -> None:
    page = fields_page.page("spec")
    assert "affinity-v1-core" in page[page.index("## `spec.affinity`") :].split("## ")[1]
    assert "`spec.affinity.nodeAffinity`" not in page
