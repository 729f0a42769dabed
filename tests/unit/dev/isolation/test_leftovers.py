"""Who may clear away what."""

from pathlib import Path

import pytest

from dev.host import checkout as checkout_module
from dev.host.checkout import Checkout
from dev.isolation import leftovers


@pytest.fixture
def cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Checkout]:
    """Collect what is cleared instead of clearing it, in a machine-wide folder of the test's own."""
    for module in (checkout_module, leftovers):
        monkeypatch.setattr(module, "MACHINE_WIDE", tmp_path / "machine")
    found: list[Checkout] = []
    monkeypatch.setattr(leftovers, "clear", found.append)
    return found


def registered(folder: Path) -> Checkout:
    folder.mkdir()
    checkout = Checkout(folder)
    leftovers.register(checkout)
    return checkout


def test_only_a_deleted_checkout_is_cleared_by_another(tmp_path: Path, cleared: list[Checkout]) -> None:
    here, other, deleted = (registered(tmp_path / name) for name in ("here", "other", "deleted"))
    deleted.root.rmdir()
    leftovers.sweep(here)
    assert cleared == [deleted]
    assert other in leftovers.owners()


def test_record_that_names_another_checkout_is_not_believed(tmp_path: Path, cleared: list[Checkout]) -> None:
    here, other = registered(tmp_path / "here"), registered(tmp_path / "other")
    (here.machine_wide / "owner.json").write_text((other.machine_wide / "owner.json").read_text())
    other.root.rmdir()
    (other.machine_wide / "owner.json").unlink()
    assert leftovers.owners() == []
    leftovers.sweep(here)
    assert cleared == []
