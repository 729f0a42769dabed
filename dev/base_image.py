"""A stand-in for `python:3.11-slim-bookworm` where no image can be pulled: Debian's own packages.

It differs in where Python is (/usr/bin instead of /usr/local/bin), so the Dockerfiles call `python3` by name.
"""

import os
import shutil
from pathlib import Path

from dev import commands, files
from dev.buildah import Buildah
from dev.checkout import Checkout
from dev.progress import step

TAG = "localhost/tflite-base:dev"
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
# Nothing that a program reads; 150 MB.
NEEDLESS = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache", "var/lib/apt/lists", "var/log")
# Increase it when what this module does to the files has changed.
EDITION = "2"
DOCKERFILE = """\
FROM scratch
ADD root.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""


def make(checkout: Checkout, buildah: Buildah) -> str:
    """Make the image unless it is there; return what it was made from."""
    mirror = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
    inputs = files.fingerprint(checkout.root, [], mirror, SUITE, *PACKAGES, *NEEDLESS, DOCKERFILE, EDITION)
    stamp = checkout.cache / "base" / "built-from"
    if stamp.exists() and stamp.read_text() == inputs and buildah.has(TAG):
        return inputs
    stamp.unlink(missing_ok=True)
    with step("making the base image with debootstrap (cold: about a minute)"):
        context = _bootstrap(checkout, mirror)
        files.write(context / "Dockerfile", DOCKERFILE)
        buildah.build(TAG, context / "Dockerfile", context, {}, {})
        shutil.rmtree(context)
    files.write(stamp, inputs)
    return inputs


def _bootstrap(checkout: Checkout, mirror: str) -> Path:
    """Unpack Debian into a folder and return one that holds it as a tar file."""
    work = checkout.cache / "base" / "work"
    # What debootstrap mounts in it is mounted in a namespace of its own: there is never a mount to run into.
    shutil.rmtree(work, ignore_errors=True)
    root, context = work / "root", work / "context"
    context.mkdir(parents=True)
    argv = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    argv += ["--keyring=/usr/share/keyrings/debian-archive-keyring.gpg", SUITE, str(root), mirror]
    log = checkout.cache / "log"
    commands.run(argv, log / "debootstrap.log", contained=True)
    for name in NEEDLESS:
        shutil.rmtree(root / name, ignore_errors=True)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)
    (root / "var/log").mkdir()
    for name in ("proc", "sys", "dev"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir()
    # Where builds mount this machine's pip settings: what is not there would be made, and stay in the image.
    (root / "etc/pip.conf").touch()
    tar = ["tar", "--create", "--numeric-owner", "--sort=name", "--file", str(context / "root.tar")]
    commands.run([*tar, "--directory", str(root), "."], log / "base-tar.log")
    shutil.rmtree(root)
    return context
