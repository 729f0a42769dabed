"""Which processes `down` may end."""

from pathlib import Path

import pytest

from dev.host.checkout import Checkout
from dev.isolation.namespaces import is_marked

MARK = "tflite-operator-dev:0123abcd"


@pytest.mark.parametrize(
    ("argv", "ours"),
    [
        (["/c/.cache/bin/pause", MARK], True),
        (["unshare", "--pid", "--", "sh", "-c", "...", "prepare", MARK], True),
        (["sh", "-c", "...", "prepare", MARK], True),
        (["/c/.cache/bin/pause", "tflite-operator-dev:ffffffff"], False),
        (["/pause"], False),
        (["grep", MARK], False),
        (["sh", "-c", f"pgrep -f {MARK}"], False),
        ([], False),
    ],
)
def test_is_marked(argv: list[str], ours: bool) -> None:
    assert is_marked(argv, MARK) is ours


def test_each_checkout_has_names_of_its_own_that_fit() -> None:
    first, second = Checkout(Path("/a")), Checkout(Path("/b" * 2000))
    assert first.mark != second.mark
    assert first.interface != second.interface
    assert len(second.interface) <= 15
