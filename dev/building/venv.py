"""The project's Python environment, `.cache/venv`: exactly what the lock file says, and the project itself.

`python -m dev.building.venv [NAME]` makes it, or another below `.cache` with the Python that runs this.
Runs before there is one, so on the standard library alone.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.host import files
from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.lock import held
from dev.host.progress import say, step


def make(checkout: Checkout, name: str = "venv") -> None:
    """Make the environment of this name, unless it is current."""
    venv = checkout.cache / name
    complete = venv / ".complete"
    inputs = [checkout.root / "locks" / "dev.txt", checkout.root / "pyproject.toml", _uv_requirement()]
    wanted = files.fingerprint(checkout.root, inputs, platform.python_version(), str(checkout.home))
    with held(checkout.cache / "venv.lock", "another process that makes the Python environment"):
        if complete.exists() and complete.read_text() == wanted:
            return
        with step(f"making the environment for Python {platform.python_version()}", cold="about a minute"):
            shutil.rmtree(venv, ignore_errors=True)
            _install(checkout, venv)
            files.write(complete, wanted)


def _install(checkout: Checkout, venv: Path) -> None:
    python = str(venv / "bin" / "python")
    _run([outside(venv), "-m", "venv", str(venv)], checkout)
    _run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(_uv_requirement())], checkout)
    uv = [str(venv / "bin" / "uv"), "pip"]
    locked = str(checkout.root / "locks" / "dev.txt")
    # `install`, not `sync`: the environment is new, and uv itself would be removed under its own feet.
    _run([*uv, "install", "--quiet", "--python", python, "--require-hashes", "-r", locked], checkout)
    _run(
        [*uv, "install", "--quiet", "--python", python, "--no-deps", "--no-build-isolation", "--editable", "."],
        checkout,
    )


def outside(venv: Path) -> str:
    """Return a Python that stays when the environment is removed: `make env` puts the one in it first in the PATH."""
    if Path(sys.prefix).resolve() != venv.resolve():
        return sys.executable
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def uv_environment(given: Mapping[str, str], pip_configuration: Mapping[str, str], cache: Path) -> dict[str, str]:
    """Return the environment for uv, which does not read what pip was told about indexes. Pure."""
    environment = {**given, "UV_CACHE_DIR": str(cache / "uv"), "PIP_CACHE_DIR": str(cache / "pip")}
    environment.pop("VIRTUAL_ENV", None)
    if "UV_DEFAULT_INDEX" not in given and "UV_INDEX_URL" not in given and "index-url" in pip_configuration:
        environment["UV_DEFAULT_INDEX"] = pip_configuration["index-url"]
    return environment


def parse_pip_configuration(listed: str) -> dict[str, str]:
    """Read `pip config list`; the environment, which pip lists first as `:env:`, prevails."""
    values: dict[str, str] = {}
    for line in listed.splitlines():
        name, separator, value = line.partition("=")
        if separator:
            values.setdefault(name.split(".", 1)[-1], value.strip("'\""))
    return values


def _run(argv: list[str], checkout: Checkout) -> None:
    listed = subprocess.run(
        [outside(checkout.cache / "venv"), "-m", "pip", "config", "list"], check=False, capture_output=True, text=True
    ).stdout
    environment = uv_environment(os.environ, parse_pip_configuration(listed), checkout.cache)
    done = subprocess.run(argv, cwd=checkout.root, env=environment, check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise DevError(f"{' '.join(argv[:4])} ... failed; see above")


def _uv_requirement() -> Path:
    return Path(__file__).parent / "uv.txt"


if __name__ == "__main__":
    try:
        make(Checkout.here(), *sys.argv[1:2])
    except DevError as error:
        say(str(error))
        sys.exit(1)
