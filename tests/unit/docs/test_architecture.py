"""The map of the code in docs/architecture.md has every module of the operator and of the API, and no other."""

import re
from pathlib import Path

import pytest

from dev.host.checkout import Checkout

ROOT = Checkout.here().root
PAGE = (ROOT / "docs/architecture.md").read_text()
OPERATOR = ROOT / "operator/tflite_operator"


def modules(package: Path) -> list[Path]:
    return sorted(file for file in package.rglob("*.py") if file.name != "__init__.py")


def rows(heading: str) -> list[str]:
    table = PAGE.partition(f"\n| in `{heading}` |")[2].partition("\n\n")[0]
    return table.splitlines()[2:]


@pytest.mark.parametrize("package", ["operator/tflite_operator", "api/tflite_api"])
def test_it_has_every_module(package: str) -> None:
    named = set(re.findall(r"`(?:\w+\.)*(\w+)`", PAGE))
    assert [str(file.relative_to(ROOT)) for file in modules(ROOT / package) if file.stem not in named] == []


def test_its_rows_are_the_packages_of_the_operator_and_its_modules() -> None:
    named = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in rows("operator/tflite_operator")]
    there = {path.stem for path in OPERATOR.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert sorted(name for [name] in named) == sorted(there - {"__init__", "__pycache__"})


def test_every_module_that_it_speaks_of_exists() -> None:
    """As `package.module`, or with the name of something that is in it."""
    folders = {path.name for path in OPERATOR.iterdir() if path.is_dir()}
    spoken = [name.split(".") for name in re.findall(r"`(\w+\.\w+)`", PAGE)]
    in_packages = [OPERATOR / package / f"{module}.py" for package, module in spoken if package in folders]
    assert len(in_packages) > 20
    assert [str(path) for path in in_packages if not path.is_file()] == []
    in_modules = [(OPERATOR / f"{module}.py", name) for module, name in spoken if module in {"handlers", "main"}]
    assert [name for path, name in in_modules if f"def {name}(" not in path.read_text()] == []
