"""The Git server: what it has can be fetched, and nothing can be pushed to it."""

import http.client
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.daemons.git import MOST_SENT, serve
from tests.unit.background_server import serving_in_background


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    who = {f"GIT_{role}_{part}": "team@example.com" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    environment = os.environ | who | {"GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A clone whose only commit the repository `team/models` has."""
    root, work = tmp_path / "root", tmp_path / "work"
    root.mkdir()
    work.mkdir()
    bare = root / "team" / "models.git"
    git(tmp_path, "init", "--bare", "--initial-branch=main", str(bare))
    git(work, "init", "--initial-branch=main")
    (work / "model.yaml").write_text("kind: TFLiteConversion\n")
    git(work, "add", "--all")
    git(work, "commit", "--message", "First")
    pushed = git(work, "push", str(bare), "main")
    assert pushed.returncode == 0, pushed.stderr
    return work


@pytest.fixture
def url(work: Path) -> Iterator[str]:
    server = serve(work.parent / "root", "127.0.0.1", 0)
    with serving_in_background(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def test_a_repository_is_cloned_whole_and_without_its_history(url: str, work: Path, tmp_path: Path) -> None:
    for number, options in enumerate(((), ("--depth=1", "--single-branch"))):
        clone = tmp_path / f"clone-{number}"
        done = git(tmp_path, "clone", *options, f"{url}/team/models.git", str(clone))
        assert done.returncode == 0, done.stderr
        assert (clone / "model.yaml").read_text() == "kind: TFLiteConversion\n"
        assert git(clone, "rev-parse", "HEAD").stdout == git(work, "rev-parse", "HEAD").stdout


def test_nothing_can_be_pushed(url: str, work: Path) -> None:
    git(work, "commit", "--allow-empty", "--message", "Second")
    done = git(work, "push", f"{url}/team/models.git", "main")
    assert done.returncode != 0
    assert "403" in done.stderr


@pytest.mark.parametrize("path", ["/team/other.git", "/team/../../work/.git", "/team/models.git/../../../work/.git"])
def test_what_is_no_repository_below_the_root_is_not_there(url: str, tmp_path: Path, path: str) -> None:
    done = git(tmp_path, "clone", f"{url}{path}", str(tmp_path / "clone"))
    assert done.returncode != 0
    assert "not found" in done.stderr


def test_more_than_a_fetch_may_need_is_not_read(url: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/team/models.git/git-upload-pack")
    connection.putheader("Content-Length", str(MOST_SENT + 1))
    connection.endheaders()
    # Answered although nothing was sent yet.
    assert connection.getresponse().status == 413
    connection.close()
