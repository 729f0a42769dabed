"""The benchmark of the command line says which goal is missed."""

from bench.command_line import Line


def test_the_median_is_held_against_the_goal() -> None:
    kept, missed = Line("a", (0.3, 0.35, 0.9), 0.35, "s"), Line("b", (0.9, 1.01, 1.2), 1.0, "of the script")
    assert kept.cells == ("a", "0.35 (0.30 to 0.90) s", "0.35 s", "kept")
    assert missed.cells == ("b", "1.01 (0.90 to 1.20) of the script", "1 of the script", "MISSED")
    assert (kept.is_kept, missed.is_kept) == (True, False)
