"""What the contracts of `make lint` (pyproject.toml, tool.importlinter) cannot see."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", ["operator", "converter_image"])
def test_a_source_root_is_no_package(folder: str) -> None:
    # operator/ as a package would shadow the standard library's operator.
    assert not (ROOT / folder / "__init__.py").exists()
