"""The Python environment that an image has, made of what is installed here: what its lock file names, less its list."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from dev.building import unneeded
from dev.building.unneeded import Unneeded
from dev.host.checkout import Checkout

ROOT = Checkout.here().root
_SOURCES = {"converter": "converter_image", "operator": "operator"}


def listed(image: str) -> Unneeded:
    """Return what an image is made without."""
    return Unneeded.read(ROOT / _SOURCES[image] / "unneeded.toml")


def installed(image: str, folder: Path) -> Path:
    """Install into a new folder what the lock file of an image names, as hard links; return its site-packages."""
    python = folder / "bin" / "python"
    site = site_packages(python)
    site.mkdir(parents=True)
    for name in _locked(image):
        for source, target in _files(name):
            _link(source, site / target)
    (site / "project.pth").write_text(f"{ROOT / 'api'}\n{ROOT / _SOURCES[image]}\n")
    python.parent.mkdir()
    base = Path(getattr(sys, "_base_executable", sys.executable))
    python.symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    return site


def slim(image: str, folder: Path) -> Path:
    """Do the same without what the list of the image names; return the Python."""
    unneeded.remove(listed(image), installed(image, folder))
    return folder / "bin" / "python"


def site_packages(python: Path) -> Path:
    """Return where the environment of a Python has its packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return python.parents[1] / "lib" / version / "site-packages"


def _locked(image: str) -> Iterator[str]:
    for line in (ROOT / "locks" / f"{image}.txt").read_text().splitlines():
        if re.match(r"[a-z0-9]", line):
            wanted = Requirement(line.removesuffix("\\"))
            if wanted.marker is None or wanted.marker.evaluate():
                yield wanted.name


def _files(name: str) -> Iterator[tuple[Path, str]]:
    for file in metadata.files(name) or ():
        if ".." in file.parts:
            continue  # a command
        source = Path(str(file.locate()))
        yield source, str(file)
        if source.suffix == ".py":
            # Compiled as it is here already: a hard link is as old as what it was made from.
            for compiled in source.parent.glob(f"__pycache__/{source.stem}.{sys.implementation.cache_tag}.pyc"):
                yield compiled, str(Path(file).parent / "__pycache__" / compiled.name)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() or not source.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
