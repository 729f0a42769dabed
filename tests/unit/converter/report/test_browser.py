"""The report page in a real browser: it fits the window, can be read in both schemes, and asks for nothing."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from dev.host.checkout import Checkout
from dev.testing.browser import executable
from tests import report_pages
from tests.report_pages import HOSTILE

PAGES = {
    "usual": report_pages.usual,
    "hostile": report_pages.hostile,
    "long": report_pages.long,
    "searched": report_pages.searched,
}
# One browser for all of them: another worker would start one of its own.
pytestmark = pytest.mark.xdist_group("browser")

HEIGHT = 844
LEAST_CONTRAST = 4.5
"""WCAG 2.2, level AA, for text of the usual size."""

OVERFLOWING = """() => [...document.querySelectorAll('body *')].filter(element => {
  if (element.closest('.wide, pre, details:not([open]), defs')) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5);
}).map(element => element.tagName + ' ' + element.textContent.slice(0, 60))"""
"""Names what sticks out of the window, but for what scrolls by itself."""

CUT_OFF = """() => [...document.querySelectorAll('svg.chart text')].filter(text => {
  const box = text.getBoundingClientRect(), chart = text.closest('svg.chart').getBoundingClientRect();
  return box.bottom > chart.bottom + 0.5 || box.top < chart.top - 0.5
    || box.right > chart.right + 0.5 || box.left < chart.left - 0.5;
}).map(text => text.textContent)"""
"""Names words of a chart that are cut off at its edges."""

FAINT = """least => {
  const parse = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const says = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!says) continue;
    const style = getComputedStyle(element);
    const ink = luminance(parse(element.namespaceURI.includes('svg') ? style.fill : style.color));
    const paper = luminance(ground(element));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < least) faint.add(element.tagName + ' ' + element.className + ' ' + contrast.toFixed(2));
  }
  return [...faint];
}"""
"""Names text whose contrast with what is behind it is too weak."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = executable(Checkout.here())
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path)
        yield started
        started.close()


@dataclass
class Opened:
    """A page in a window, and what it did."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Open a page by its name in a window of a width and a colour scheme."""
    name, width, scheme = request.param
    file = tmp_path / "report.html"
    file.write_text(PAGES[name]())
    # Without the page's policy: what is not escaped would run.
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, bypass_csp=name == "hostile"
    )
    page = context.new_page()
    seen = Opened(page)
    page.on("request", lambda asked: seen.requests.append(asked.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.goto(file.as_uri(), wait_until="networkidle")
    yield seen
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{scheme}-{width}.png", full_page=True)
    context.close()


def windows(*names: str) -> pytest.MarkDecorator:
    cases = [(name, width, scheme) for name in names for width in (390, 1280) for scheme in ("light", "dark")]
    return pytest.mark.parametrize("opened", cases, indirect=True, ids=["-".join(map(str, case)) for case in cases])


@windows(*PAGES)
def test_a_page_fits_its_window_and_asks_for_nothing(opened: Opened, request: pytest.FixtureRequest) -> None:
    page = opened.page
    assert [url for url in opened.requests if not url.startswith("file:")] == []
    assert len(opened.requests) == 1
    assert opened.complaints == []
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.evaluate(OVERFLOWING) == []
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate(FAINT, LEAST_CONTRAST) == []
    assert page.evaluate(CUT_OFF) == []
    assert page.locator("svg.chart").count() == (5 if "searched" in request.node.callspec.id else 3)
    for box in (chart.bounding_box() for chart in page.locator("svg.chart").all()):
        assert box is not None
        assert min(box["width"], box["height"]) > 80


@windows("usual")
def test_a_page_is_dark_where_the_reader_wants_it(opened: Opened, request: pytest.FixtureRequest) -> None:
    color = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = max(int(part) for part in color.removeprefix("rgb(").rstrip(")").split(","))
    assert (brightness < 60) == ("dark" in request.node.callspec.id)


@windows("hostile")
def test_names_that_are_html_do_nothing_even_without_the_pages_policy(opened: Opened) -> None:
    assert opened.page.title() == "team/a: conversion report"
    assert opened.page.locator("script, img").count() == 0
    assert opened.page.locator("pre").inner_text().count(HOSTILE) == 3
