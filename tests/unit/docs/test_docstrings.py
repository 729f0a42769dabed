"""Docstrings say what a function returns, in the usual words: Return, Return whether, Yield."""

import ast
import re
from pathlib import Path

import pytest

from dev.host.checkout import Checkout

ROOT = Checkout.here().root
UNUSUAL = re.compile(r"(Gives?|Hold when|Hold where|Hold if|Hold for|Whether|Say whether|Tell whether)\b")
INSTEAD = "write Return, Return whether or Yield"


def docstrings(file: Path) -> dict[int, tuple[str, bool]]:
    """Return each function's docstring by its line, and whether the function returns something."""
    tree = ast.parse(file.read_text())
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        one.lineno: (text, one.returns is not None and ast.unparse(one.returns) != "None")
        for one in functions
        if (text := ast.get_docstring(one)) is not None
    }


@pytest.mark.parametrize("folder", ["api", "bench", "converter_image", "dev", "examples", "operator", "tests"])
def test_what_a_function_returns_is_said_in_the_usual_words(folder: str) -> None:
    found = {file: docstrings(file) for file in (ROOT / folder).rglob("*.py")}
    unusual = [
        f"{file.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for file, texts in found.items()
        for line, (text, returns) in texts.items()
        if returns and UNUSUAL.match(text)
    ]
    assert unusual == [], INSTEAD
