"""What follows from what the node says of its images. A script stands in for containerd's ctr."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.daemons.node import BrokenStoreError, Node, nameless
from dev.host.processes import Process
from dev.isolation.namespaces import Namespaces

CTR = """
import sys
from pathlib import Path

folder = Path(sys.argv[1])
if "import" in sys.argv:
    (folder / "imported").open("ab").write(sys.stdin.buffer.read())
    refusals = int((folder / "refusals").read_text())
    (folder / "refusals").write_text(str(refusals - 1))
    if refusals > 0:
        sys.exit('failed to prepare extraction snapshot "x": parent snapshot sha256:c2 does not exist: not found')
else:
    print((folder / "check").read_text())
"""
CHECK = """\
REF                           TYPE                                       DIGEST    STATUS         SIZE       UNPACKED
localhost/tflite-operator:dev application/vnd.oci.image.manifest.v1+json sha256:2b complete (5/5) 2 MiB/2 MiB {unpacked}
"""


@dataclass(frozen=True)
class Scripted(Namespaces):
    """Runs the script in the place of ctr."""

    folder: Path

    def command(self, *argv: str) -> list[str]:
        return [sys.executable, "-c", CTR, str(self.folder), *argv]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    (tmp_path / "pause").write_bytes(b"program")
    return Node(Scripted(Process(1, 1, ""), tmp_path))


@pytest.mark.parametrize(
    ("unpacked", "digest", "there"), [("true", "2b", True), ("true", "2c", False), ("false", "2b", False)]
)
def test_an_image_is_there_when_it_is_unpacked(
    node: Node, tmp_path: Path, unpacked: str, digest: str, there: bool
) -> None:
    (tmp_path / "check").write_text(CHECK.format(unpacked=unpacked))
    assert node.has("localhost/tflite-operator:dev", f"sha256:{digest}") == there
    assert not node.has("localhost/tflite-operator:chaos", f"sha256:{digest}")


def test_an_image_that_is_refused_once_is_given_again_whole(node: Node, tmp_path: Path) -> None:
    (tmp_path / "refusals").write_text("1")
    node.import_pause(tmp_path / "pause")
    archives = (tmp_path / "imported").read_bytes()
    half = len(archives) // 2
    assert archives[:half] == archives[half:]


def test_a_store_that_refuses_an_image_twice_is_broken(node: Node, tmp_path: Path) -> None:
    (tmp_path / "refusals").write_text("2")
    with pytest.raises(BrokenStoreError, match="parent snapshot sha256:c2 does not exist"):
        node.import_pause(tmp_path / "pause")


def test_only_images_that_lost_their_name_are_forgotten() -> None:
    digests = {"localhost/x:dev": "sha256:2", "sha256:b": "sha256:2", "sha256:a": "sha256:1"}
    assert nameless(digests) == ["sha256:a"]
