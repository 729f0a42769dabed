"""A Git repository that its owner commits to and Flux fetches."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from dev.host.checkout import Checkout
from dev.host.processes import Process
from dev.isolation.namespaces import Namespaces

_PORT: Final = 7085
_SETTINGS: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Team",
    "GIT_AUTHOR_EMAIL": "team@example.com",
    "GIT_COMMITTER_NAME": "Team",
    "GIT_COMMITTER_EMAIL": "team@example.com",
}


class Server:
    """Serves the bare repositories of a folder, on the node's own address."""

    def __init__(self, inside: Namespaces, folder: Path, address: str) -> None:
        self._inside, self.folder = inside, folder
        self._address = address
        self._process: Process | None = None

    def url(self, name: str) -> str:
        return f"http://{self._address}:{_PORT}/{name}.git"

    def start(self) -> None:
        root = Checkout.here().root
        command = [sys.executable, "-m", "dev.daemons.git", str(self.folder), self._address, str(_PORT)]
        self._process = self._inside.spawn(command, self.folder / "server.log", {"PYTHONPATH": str(root)})
        end = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"http://{self._address}:{_PORT}/")
            except httpx.TransportError:
                assert time.monotonic() < end, (self.folder / "server.log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(grace=5)


class Repository:
    """One repository, with the clone of whoever writes to it."""

    def __init__(self, server: Server, name: str, work: Path) -> None:
        self.url, self._work = server.url(name), work
        bare = server.folder / f"{name}.git"
        work.mkdir()
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("remote", "add", "origin", str(bare))

    def commit(self, files: Mapping[str, str | None], words: str = "Change") -> str:
        """Write files, or remove them where there is None, commit and push; return the revision as Flux writes it."""
        for name, content in files.items():
            path = self._work / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        return self.push(words)

    def copy(self, folder: Path, place: str) -> None:
        """Put a folder there in the place of what there was."""
        target = self._work / place
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(folder, target)

    def tag(self, name: str) -> None:
        """Give what was committed last a name that stays."""
        self._git("tag", name)
        self._git("push", "--quiet", "origin", name)

    def revert(self) -> str:
        """Take back what was committed last."""
        self._git("revert", "--no-edit", "HEAD")
        return self._pushed()

    def push(self, words: str) -> str:
        """Commit and push whatever was written."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", words)
        return self._pushed()

    def _pushed(self) -> str:
        self._git("push", "--quiet", "origin", "main")
        return f"main@sha1:{self._git('rev-parse', 'HEAD').strip()}"

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self._work, capture_output=True, text=True, check=False, env=os.environ | _SETTINGS
        )
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
        return done.stdout
