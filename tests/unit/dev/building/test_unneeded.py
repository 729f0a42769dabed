"""What is taken out of an image: what the list names, and an entry that fits nothing is told."""

from pathlib import Path

import pytest

from dev.building import unneeded
from dev.building.unneeded import Pattern, Unneeded, WrongListError


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two packages that share a folder, with a command of one and a file that somebody else has above."""
    found = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    files = ("one/__init__.py", "one/data/a.json", "one/data/b.json", "shared/of_one.py", "shared/of_two.py", "two.py")
    for name in (*files, "one-1.0.dist-info/METADATA", "../../../bin/one", "../../../../outside"):
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text("Name: one\nVersion: 1.0\n")
    record = (*files[:4], "one-1.0.dist-info/METADATA", "one-1.0.dist-info/RECORD", "../../../bin/one")
    lines = [f"{name},,\n" for name in (*record, "../../../../outside")]
    (found / "one-1.0.dist-info" / "RECORD").write_text("".join(lines))
    return found


def left(site: Path) -> list[str]:
    environment = site.parents[2]
    return sorted(str(path.relative_to(environment)) for path in environment.rglob("*") if path.is_file())


def test_a_package_goes_with_its_commands_and_leaves_what_is_not_its_own(site: Path) -> None:
    unneeded.remove(Unneeded(packages=("One",)), site)
    below = "lib/python3.11/site-packages"
    assert left(site) == [f"{below}/shared/of_two.py", f"{below}/two.py"]
    assert not (site / "one").exists()
    assert (site.parents[3] / "outside").exists()


def test_of_what_fits_a_pattern_the_exceptions_stay(site: Path) -> None:
    unneeded.remove(Unneeded(patterns=(Pattern("one/data/*", but=("*/*/b.json",)), Pattern("shared"))), site)
    assert [path.name for path in (site / "one" / "data").iterdir()] == ["b.json"]
    assert not (site / "shared").exists()
    assert (site / "one" / "__init__.py").exists()


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (Unneeded(packages=("three",)), "the package three is not installed"),
        (Unneeded(patterns=(Pattern("three/*"),)), "nothing fits three/*"),
        (Unneeded(patterns=(Pattern("two.py", but=("two.py",)),)), "nothing fits two.py"),
    ],
)
def test_an_entry_that_fits_nothing_ends_the_build_before_anything_is_removed(
    site: Path, listed: Unneeded, words: str
) -> None:
    before = left(site)
    with pytest.raises(WrongListError, match=words.replace("*", r"\*")):
        unneeded.remove(Unneeded(("one",), listed.patterns) if not listed.packages else listed, site)
    assert left(site) == before


def test_a_library_to_strip_that_is_not_there_is_told(site: Path) -> None:
    with pytest.raises(WrongListError, match=r"nothing fits one/\*\.so"):
        unneeded.libraries(Unneeded(stripped=("two.py", "one/*.so")), site)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[folders]]\nnames = ["a"]', "has folders: write packages, paths, symbols"),
        ('[[packages]]\nnames = ["a"]', "an entry of packages in .* has no why"),
        ('[[packages]]\nnames = ["a"]\nwhy = ""', "has no why"),
        ('[[paths]]\nwhy = "b"', "has no names"),
        ('[[packages]]\nnames = ["a"]\nwhy = "b"\nbut = ["c"]', "has but: write names, why"),
    ],
)
def test_a_list_that_says_less_or_more_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "unneeded.toml").write_text(text)
    with pytest.raises(WrongListError, match=words):
        Unneeded.read(tmp_path / "unneeded.toml")


def test_a_list_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "unneeded.toml").write_text(
        '[[packages]]\nnames = ["a", "b"]\nwhy = "x"\n[[packages]]\nnames = ["c"]\nwhy = "x"\n'
        '[[paths]]\nnames = ["d/*", "e"]\nbut = ["d/f"]\nwhy = "x"\n[[symbols]]\nnames = ["g.so"]\nwhy = "x"\n'
    )
    assert Unneeded.read(tmp_path / "unneeded.toml") == Unneeded(
        ("a", "b", "c"), (Pattern("d/*", ("d/f",)), Pattern("e", ("d/f",))), ("g.so",)
    )
