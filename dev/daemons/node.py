"""The node's container runtime: whether it runs, which images it has, and importing one."""

import contextlib
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from dev.building import oci
from dev.daemons.configuration import PAUSE_IMAGE
from dev.host.commands import tail
from dev.host.errors import DevError
from dev.isolation.namespaces import Namespaces

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """Return this machine's architecture as images call it."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


class BrokenStoreError(DevError):
    """The node's image store takes no more images: it has to be emptied."""


class Node:
    """containerd, called from inside the cluster's namespaces."""

    def __init__(self, namespaces: Namespaces) -> None:
        """Make it for a cluster."""
        self._namespaces = namespaces

    def is_ready(self) -> bool:
        """Return whether containerd answers."""
        return self._ctr("version").returncode == 0

    def image_digests(self) -> dict[str, str]:
        """Return the images that Kubernetes sees, with the digest of each."""
        lines = self._checked("images", "list").splitlines()[1:]
        rows = [line.split() for line in lines]
        return {row[0]: row[2] for row in rows if len(row) > 2}

    def has(self, name: str, digest: str) -> bool:
        """Return whether an image can be run; an interrupted import leaves one that has only a name."""
        rows = [line.split() for line in self._checked("images", "check").splitlines()[1:]]
        return any((row[0], row[2], row[-1]) == (name, digest, "true") for row in rows if len(row) > 2)

    def blobs(self) -> list[str]:
        """Return the digests of all content that is there."""
        return self._checked("content", "list", "--quiet").split()

    def remove_containers(self) -> int:
        """Remove what an earlier cluster's containers left in the store; return how many there were."""
        left = self._checked("containers", "list", "--quiet").split()
        if left:
            self._checked("containers", "delete", *left)
        return len(left)

    def import_pause(self, program: Path) -> None:
        """Import the image of every pod's sandbox.

        Raises:
            BrokenStoreError: the node does not take it.
        """
        self.import_program(program, PAUSE_IMAGE)

    def import_program(self, program: Path, name: str) -> None:
        """Import an image that holds one static program and runs it.

        Raises:
            BrokenStoreError: the node does not take it.
        """
        archive = oci.single_program(program, name, architecture())
        self._import(lambda pipe: pipe.write(archive))

    def import_image(self, layout: Path, name: str) -> int:
        """Import the parts of an image that the node lacks; return their size in bytes.

        Raises:
            BrokenStoreError: the node does not take it.
        """
        written = 0

        def feed(pipe: IO[bytes]) -> None:
            nonlocal written
            written += oci.stream(layout, name, self.blobs(), pipe)

        self._import(feed)
        return written

    def forget_earlier_images(self) -> None:
        """Remove images that have lost their name to newer ones; the kubelet is told to never remove any."""
        earlier = nameless(self.image_digests())
        if earlier:
            self._checked("images", "remove", *earlier)

    def _import(self, feed: Callable[[IO[bytes]], object]) -> None:
        # While it takes an image, containerd may clear away what an interrupted import had left, although the new one
        # is built on it: "parent snapshot ... does not exist". After that it is not in the way any more.
        if self._import_once(feed) is not None and (refusal := self._import_once(feed)) is not None:
            raise BrokenStoreError(f"the node does not take the image:\n{refusal[-2000:]}")

    def _import_once(self, feed: Callable[[IO[bytes]], object]) -> str | None:
        """Import what `feed` writes; return the importer's output if it fails."""
        argv = self._command("images", "import", "-")
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as importer:
            if importer.stdin is None or importer.stdout is None:
                raise DevError("no pipe to the image importer")
            # When the importer gives up early, its own message is the one to show.
            with contextlib.suppress(BrokenPipeError):
                feed(importer.stdin)
                importer.stdin.close()
            said = importer.stdout.read().decode()
        return said if importer.returncode != 0 else None

    def _command(self, *argv: str) -> list[str]:
        return self._namespaces.command("ctr", "--namespace", "k8s.io", *argv)

    def _ctr(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._command(*argv), check=False, capture_output=True, text=True)

    def _checked(self, *argv: str) -> str:
        done = self._ctr(*argv)
        if done.returncode != 0:
            raise DevError(f"ctr {' '.join(argv[:2])}: {done.stderr.strip()}")
        return done.stdout


def nameless(digests: Mapping[str, str]) -> list[str]:
    """Return the images that are only known by their own digest. Pure.

    Kubernetes gives every image such a name too; an image whose tag has moved on has no other.
    """
    named = {digest for name, digest in digests.items() if not name.startswith("sha256:")}
    return [name for name, digest in digests.items() if name.startswith("sha256:") and digest not in named]


def wait_until(what: str, probe: Callable[[], bool], log: Path, timeout: float = 60) -> None:
    """Wait until the probe holds; on a timeout, show the end of the log that may say why."""
    deadline = time.monotonic() + timeout
    while not probe():
        if time.monotonic() > deadline:
            raise DevError(f"{what}: not after {timeout:.0f} s. The end of {log}:\n{tail(log)}")
        time.sleep(0.05)
