"""Libraries are imported without others that they name, and whoever needs one of those after all learns why."""

import importlib
import sys
from types import ModuleType

import pytest

from tflite_converter.core import stand_ins

NAMES = ("absent_of_all", "absent_of_all.part")


def test_what_stands_in_is_imported_and_says_why_it_has_nothing() -> None:
    with stand_ins.in_place_of(*NAMES):
        whole, part = map(importlib.import_module, NAMES)
    assert whole.part is part
    with pytest.raises(AttributeError, match=r"absent_of_all\.part\.solve is needed, but an empty module stands in"):
        whole.part.solve()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(NAMES[0])


def test_what_is_absent_is_not_found_and_what_was_imported_before_is_there_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = ModuleType("absent_of_all")
    monkeypatch.setitem(sys.modules, "absent_of_all", before)
    with (
        pytest.raises(ModuleNotFoundError),
        stand_ins.in_place_of("json.made_up", absent=("absent_of_all",)),
    ):
        importlib.import_module("absent_of_all")
    assert importlib.import_module("absent_of_all") is before
    assert "json.made_up" not in sys.modules
