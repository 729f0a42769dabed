"""What CONTRIBUTING.md names is there."""

import re

from dev.host.checkout import Checkout

ROOT = Checkout.here().root
PAGE = (ROOT / "CONTRIBUTING.md").read_text()


def test_every_file_it_names_exists() -> None:
    named = set(re.findall(r"`([\w.-]+/[\w./-]*)`", PAGE))
    assert len(named) > 40
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_command_it_names_exists() -> None:
    named = {*re.findall(r"python -m (dev[\w.]+)", PAGE)}
    assert len(named) >= 4
    assert [name for name in named if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []


def test_every_name_of_code_it_speaks_of_is_in_a_file_of_the_same_row() -> None:
    """A name such as `DEFAULT_MIN_SNR_DECIBELS` or `model_access`, where its row names a module."""
    for row in re.findall(r"^\| .+ \|$", PAGE, re.MULTILINE):
        modules = [ROOT / name for name in re.findall(r"`([\w/-]+\.py)`", row) if (ROOT / name).is_file()]
        said = "\n".join(module.read_text() for module in modules)
        names = re.findall(r"`([A-Z]\w+|[a-z]+_[a-z_]+)`", row.rpartition(" | ")[2])
        assert not modules or [name for name in names if name not in said] == [], row
