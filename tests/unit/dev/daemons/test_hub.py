"""The Hub server: what it finds, what it never serves, and that its archives stay the same."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dev.daemons.hub import locate, serve
from dev.host import archive
from tests.unit.background_server import serving_in_background


@pytest.fixture
def root(tmp_path: Path) -> Path:
    model = tmp_path / "hub" / "team" / "model" / "1"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(b"graph")
    (model / "variables" / "variables.index").write_bytes(b"weights")
    (tmp_path / "hub" / "x").mkdir()
    (tmp_path / "hub" / "x" / "1.tar.gz").write_bytes(b"hostile")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    return tmp_path / "hub"


def test_folder_is_found_only_when_asked_for_compressed(root: Path) -> None:
    assert locate(root, "/team/model/1", compressed=True) == root / "team/model/1"
    assert locate(root, "/team/model/1", compressed=False) is None


def test_file_is_found_by_its_path_and_archive_by_the_models_name(root: Path) -> None:
    assert locate(root, "/team/model/1/saved_model.pb", compressed=False) == root / "team/model/1/saved_model.pb"
    assert locate(root, "/x/1.tar.gz", compressed=False) == root / "x/1.tar.gz"
    assert locate(root, "/x/1", compressed=True) == root / "x/1.tar.gz"
    assert locate(root, "/x/1", compressed=False) is None


def test_folder_goes_before_an_archive_of_its_name(root: Path) -> None:
    (root / "x/1").mkdir()
    assert locate(root, "/x/1", compressed=True) == root / "x/1"


@pytest.mark.parametrize(
    "path",
    ["/../secret", "/team/../../secret", "/%2e%2e/secret", "/team/%2E%2E/%2e%2e/secret", "//secret", "/", "/a%00b"],
)
@pytest.mark.parametrize("compressed", [True, False])
def test_nothing_outside_is_found(root: Path, path: str, compressed: bool) -> None:
    assert locate(root, path, compressed) is None


@pytest.mark.parametrize("path", ["/link", "/folder/secret", "/folder"])
@pytest.mark.parametrize("compressed", [True, False])
def test_links_do_not_lead_outside(root: Path, path: str, compressed: bool) -> None:
    (root / "link").symlink_to(root.parent / "secret")
    (root / "folder").symlink_to(root.parent / "outside")
    assert locate(root, path, compressed) is None


def packed(folder: Path) -> bytes:
    output = io.BytesIO()
    archive.pack(folder, output)
    return output.getvalue()


def test_same_content_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    first = root / "team/model/1"
    second = tmp_path / "another"
    (second / "variables").mkdir(parents=True)
    # Written in another order, at another time, with other permissions.
    (second / "variables/variables.index").write_bytes(b"weights")
    (second / "saved_model.pb").write_bytes(b"graph")
    (second / "saved_model.pb").chmod(0o600)
    os.utime(second / "saved_model.pb", (1, 1))
    assert packed(first) == packed(second)
    (second / "saved_model.pb").write_bytes(b"other")
    assert packed(first) != packed(second)


def test_archive_holds_the_folder(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(root / "team/model/1"))) as tar:
        assert tar.getnames() == ["saved_model.pb", "variables", "variables/variables.index"]
        member = tar.extractfile("variables/variables.index")
        assert member is not None
        assert member.read() == b"weights"
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar.getmembers()} == {(0, 0, 0, "")}


@pytest.fixture
def url(root: Path) -> Iterator[str]:
    server = serve(root, "127.0.0.1", 0)
    with serving_in_background(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def test_serves_a_model_with_a_stable_digest(url: str) -> None:
    handle = f"{url}/team/model/1?tf-hub-format=compressed"
    digests = {hashlib.sha256(httpx.get(handle).content).hexdigest() for _ in range(2)}
    assert len(digests) == 1
    head = httpx.head(handle)
    assert int(head.headers["Content-Length"]) == len(httpx.get(handle).content)
    assert head.content == b""


def test_unknown_model_is_404(url: str) -> None:
    assert httpx.get(f"{url}/team/model/2?tf-hub-format=compressed").status_code == 404


def test_redirects_to_what_a_file_names(url: str, root: Path) -> None:
    (root / "moved.location").write_text(f"{url}/x/1.tar.gz")
    answer = httpx.get(f"{url}/moved?tf-hub-format=compressed")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{url}/x/1.tar.gz")
    assert httpx.get(f"{url}/moved", follow_redirects=True).content == b"hostile"


def test_redirect_cannot_write_headers(url: str, root: Path) -> None:
    (root / "moved.location").write_text("/a\r\nSet-Cookie: b")
    answer = httpx.get(f"{url}/moved")
    assert answer.status_code == 302
    assert "Set-Cookie" not in answer.headers
