"""The unit tests on every Python that the project supports and this machine has, each in an environment of its own.

`python -m dev.testing.interpreters [--another] ARGUMENT...` runs pytest with these arguments; `--another` on the newest
Python beside that of `.cache/venv` alone, as a part of `make test`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.prerequisites import PYTHONS
from dev.host.progress import say, step

Version = tuple[int, int]

_ASKED: Final = "import sys, ensurepip; print(*sys.version_info[:2])"


def places(environment: Mapping[str, str]) -> list[Path]:
    """Return the folders in which there may be Pythons: those of the PATH first, then pyenv's and uv's. Pure."""
    home = Path(environment.get("HOME", "/root"))
    pyenv = Path(environment.get("PYENV_ROOT", home / ".pyenv"))
    data = Path(environment.get("XDG_DATA_HOME", home / ".local" / "share"))
    uv = Path(environment.get("UV_PYTHON_INSTALL_DIR", data / "uv" / "python"))
    path = (Path(folder) for folder in environment.get("PATH", "").split(":") if folder)
    return [*path, *_below(pyenv / "versions"), *_below(uv)]


def _below(folder: Path) -> Iterator[Path]:
    # pyenv and uv have a folder for each patch release.
    return (release / "bin" for release in sorted(folder.glob("*")))


def found(folders: Sequence[Path]) -> dict[Version, Path]:
    """Return the supported Pythons of these folders that can make an environment, one of each version."""
    pythons = {}
    for version in PYTHONS:
        candidates = (folder / f"python{version[0]}.{version[1]}" for folder in folders)
        python = next((path for path in candidates if path.exists() and _version(path) == version), None)
        if python is not None:
            pythons[version] = python
    return pythons


def _version(python: Path) -> Version | None:
    # pyenv has a program of each name in the PATH, which fails unless that version is switched on.
    asked = subprocess.run([python, "-c", _ASKED], check=False, capture_output=True, text=True)
    if asked.returncode != 0:
        return None
    major, minor = map(int, asked.stdout.split())
    return major, minor


def chosen(pythons: Mapping[Version, Path], own: Version, *, another: bool) -> dict[Version, Path]:
    """Return the Pythons to test on: all, or the newest other than one's own, if there is any. Pure."""
    if not another:
        return dict(pythons)
    others = [version for version in pythons if version != own]
    return {version: pythons[version] for version in others[-1:]}


def environment(checkout: Checkout, version: Version, python: Path) -> Path:
    """Make the environment for tests on another Python, unless it is current; return its interpreter.

    Raises:
        DevError: it cannot be made.
    """
    name = f"venv-{version[0]}.{version[1]}"
    made = subprocess.run([python, "-m", "dev.building.venv", name], cwd=checkout.root, check=False)
    if made.returncode != 0:
        raise DevError(f"{checkout.cache / name} cannot be made by {python}; see above")
    return checkout.cache / name / "bin" / "python"


def main() -> int:
    """Test on each; exit code 1 where a test failed on any."""
    another = sys.argv[1:2] == ["--another"]
    arguments = sys.argv[2 if another else 1 :]
    checkout, own = Checkout.here(), sys.version_info[:2]
    pythons = {**found(places(os.environ)), own: Path(sys.executable)}
    failed = []
    for version, python in sorted(chosen(pythons, own, another=another).items()):
        name = f"Python {version[0]}.{version[1]}"
        with step(f"testing on {name} ({python})"):
            interpreter = python if version == own else environment(checkout, version, python)
            if subprocess.run([interpreter, "-m", "pytest", *arguments], cwd=checkout.root, check=False).returncode:
                failed.append(name)
    if absent := [f"{major}.{minor}" for major, minor in PYTHONS if (major, minor) not in pythons]:
        say(f"this machine has no Python {' and no '.join(absent)}: nothing was tested on it")
    if failed:
        say(f"tests failed on {' and '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DevError as error:
        say(str(error))
        sys.exit(1)
