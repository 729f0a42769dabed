"""What is kept is whole or not there, and is recognised by its content."""

from pathlib import Path

import pytest

from dev.host import files


def test_write_replaces_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    file = tmp_path / "a" / "file"
    files.write(file, "one")
    files.write(file, b"two", mode=0o600)
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_interrupted_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    files.write(file, "old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_fingerprint_tells_content_and_names_apart(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "a").write_text("1")
    first = files.fingerprint(tmp_path, [folder], "word")
    (folder / "__pycache__" / "a.pyc").write_text("compiled")
    assert files.fingerprint(tmp_path, [folder], "word") == first
    assert files.fingerprint(tmp_path, [folder], "other") != first
    (folder / "a").write_text("2")
    assert files.fingerprint(tmp_path, [folder], "word") != first
    (folder / "a").rename(folder / "b")
    (folder / "b").write_text("1")
    assert files.fingerprint(tmp_path, [folder], "word") != first
