"""The unit tests run on each supported Python that a machine really has."""

from pathlib import Path

import pytest

from dev.host.prerequisites import PYTHONS
from dev.testing.interpreters import chosen, found, places


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_they_are_looked_for_in_the_path_then_where_pyenv_and_uv_keep_them(tmp_path: Path) -> None:
    kept = [tmp_path / ".pyenv/versions/3.12.1/bin", tmp_path / ".local/share/uv/python/cpython-3.13/bin"]
    for folder in kept:
        folder.mkdir(parents=True)
    assert places({"HOME": str(tmp_path), "PATH": "/usr/bin::/bin"}) == [Path("/usr/bin"), Path("/bin"), *kept]
    elsewhere = {"HOME": "/nowhere", "PYENV_ROOT": f"{tmp_path}/.pyenv", "XDG_DATA_HOME": f"{tmp_path}/.local/share"}
    assert places(elsewhere) == kept
    assert places({"HOME": "/nowhere", "UV_PYTHON_INSTALL_DIR": f"{tmp_path}/.local/share/uv/python"}) == kept[1:]


def test_what_only_has_the_name_of_a_python_is_passed_over(tmp_path: Path) -> None:
    """As pyenv's programs for versions that are not switched on; and Debian's without the package for environments."""
    off, on = tmp_path / "shims", tmp_path / "versions"
    program(off / "python3.12", "exit 127")
    program(off / "python3.13", "echo 3 12")
    wanted = program(on / "python3.12", "echo 3 12")
    program(on / "python3.10", "echo 3 10")
    assert found([off, on, tmp_path / "absent"]) == {(3, 12): wanted}


def test_the_python_of_these_tests_is_found() -> None:
    import sys

    own = sys.version_info[:2]
    assert own in PYTHONS
    folder = Path(sys.base_prefix) / "bin"
    assert found([folder]) == {own: folder / f"python{own[0]}.{own[1]}"}


THREE = {version: Path(f"python{version[1]}") for version in PYTHONS}


@pytest.mark.parametrize(
    ("there", "own", "versions"),
    [
        (THREE, (3, 11), [(3, 13)]),
        (THREE, (3, 13), [(3, 12)]),
        ({(3, 11): Path("python11")}, (3, 11), []),
    ],
)
def test_a_second_one_is_the_newest_other(
    there: dict[tuple[int, int], Path], own: tuple[int, int], versions: list[tuple[int, int]]
) -> None:
    assert list(chosen(there, own, another=True)) == versions
    assert chosen(there, own, another=False) == there
