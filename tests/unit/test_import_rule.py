"""Imports go one way: tflite_operator -> tflite_api <- tflite_converter."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    "tflite_api": ROOT / "api/tflite_api",
    "tflite_operator": ROOT / "operator/tflite_operator",
    "tflite_converter": ROOT / "converter_image/tflite_converter",
}
FORBIDDEN = {
    "tflite_api": {"tflite_operator", "tflite_converter", "kubernetes", "tensorflow", "boto3"},
    "tflite_operator": {"tflite_converter", "tensorflow", "boto3", "botocore"},
    "tflite_converter": {"tflite_operator", "kubernetes"},
}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", SOURCES)
def test_a_package_imports_nothing_from_across_the_border(package: str) -> None:
    files = sorted(SOURCES[package].rglob("*.py"))
    assert files
    trespasses = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in imported(file.read_text())
        if name in FORBIDDEN[package]
    ]
    assert trespasses == []


@pytest.mark.parametrize("folder", ["operator", "converter_image"])
def test_a_source_root_is_no_package(folder: str) -> None:
    # operator/ as a package would shadow the standard library's operator.
    assert not (ROOT / folder / "__init__.py").exists()
