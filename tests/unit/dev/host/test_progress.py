"""A step says what it is, how long it took last time, and how long it took."""

from pathlib import Path

import pytest

from dev.host import durations, progress
from dev.host.checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path)
    made.cache.mkdir()
    monkeypatch.setattr(Checkout, "here", lambda: made)
    return made


def test_the_first_time_the_cold_duration_is_named(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.step("building x", cold="a minute"):
        pass
    assert capsys.readouterr().err == "dev: building x (cold: a minute) ...\ndev: building x: 0.0 s\n"


def test_the_next_time_the_last_duration_is_named(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    durations.record(checkout, "building x", 125.2)
    with progress.step("building x", cold="a minute"):
        pass
    first, _ = capsys.readouterr().err.splitlines()
    assert first == "dev: building x (cold: a minute, last time 2 min 5 s) ..."
    assert durations.last(checkout, "building x") == 0.0


def test_a_step_that_fails_leaves_the_duration_of_the_one_that_did_not(checkout: Checkout) -> None:
    durations.record(checkout, "building x", 7)
    with pytest.raises(RuntimeError), progress.step("building x"):
        raise RuntimeError
    assert durations.last(checkout, "building x") == 7


def test_nothing_is_left_behind_where_the_cache_was_removed(checkout: Checkout) -> None:
    with progress.step("removing"):
        checkout.cache.rmdir()
    assert not checkout.cache.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"building x": "long"}'])
def test_what_cannot_be_read_is_not_known(checkout: Checkout, content: str) -> None:
    (checkout.cache / "durations.json").write_text(content)
    assert durations.last(checkout, "building x") is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.4, "59.4 s"), (59.6, "1 min 0 s"), (2000, "33 min 20 s")]
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert durations.text(seconds) == text
