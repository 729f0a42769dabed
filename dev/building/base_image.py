"""A stand-in for `python:3.11-slim-bookworm` where no image can be pulled: Debian's own packages.

It differs in where Python is (/usr/bin instead of /usr/local/bin), so the Dockerfiles call `python3` by name.
"""

import os
import shutil
from pathlib import Path

from dev.building.buildah import Buildah
from dev.host import commands, files
from dev.host.checkout import Checkout
from dev.host.progress import step

TAG = "localhost/tflite-base:dev"
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
# Nothing that a program reads; 150 MB.
NEEDLESS = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache", "var/lib/apt/lists", "var/log")
BOOTSTRAP = """
root=$1 tar=$2 packages=$3 suite=$4 mirror=$5
shift 5
# dpkg waits for the disk after every file; memory has nothing to wait for.
mount -t tmpfs -o mode=755 tmpfs "$root"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
debootstrap --variant=minbase --include="$packages" --keyring="$keyring" "$suite" "$root" ${mirror:+"$mirror"}
umount "$root/proc" "$root/sys" 2>/dev/null || true
cd "$root"
rm -rf "$@" proc sys dev
mkdir -p proc sys dev var/log var/cache/apt/archives/partial
# As in Debian's own images: installing a package in a build need not survive a power cut either.
echo force-unsafe-io > etc/dpkg/dpkg.cfg.d/unsafe-io
# Where builds mount this machine's pip settings: what is not there would be made, and stay in the image.
touch etc/pip.conf
tar --create --numeric-owner --sort=name --file "$tar" .
"""
DOCKERFILE = """\
FROM scratch
ADD root.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""


def make(checkout: Checkout, buildah: Buildah) -> str:
    """Make the image unless it is current; return the fingerprint of what it was made from."""
    mirror = os.environ.get("DEBIAN_MIRROR", "")  # without one debootstrap takes its own default
    inputs = files.fingerprint(checkout.root, [], mirror, SUITE, *PACKAGES, *NEEDLESS, DOCKERFILE, BOOTSTRAP)
    stamp = checkout.cache / "base" / "built-from"
    if stamp.exists() and stamp.read_text() == inputs and buildah.has(TAG):
        return inputs
    stamp.unlink(missing_ok=True)
    with step("making the base image with debootstrap", cold="about a minute"):
        context = _bootstrap(checkout, mirror)
        files.write(context / "Dockerfile", DOCKERFILE)
        buildah.build(TAG, context / "Dockerfile", context, {}, {})
        shutil.rmtree(context)
    files.write(stamp, inputs)
    return inputs


def _bootstrap(checkout: Checkout, mirror: str) -> Path:
    """Unpack Debian in memory and return a folder that holds it as a tar file."""
    context = checkout.cache / "base" / "context"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    root = checkout.cache / "base" / "root"
    root.mkdir(exist_ok=True)
    given = [str(root), str(context / "root.tar"), ",".join(PACKAGES), SUITE, mirror]
    argv = ["sh", "-ec", BOOTSTRAP, "bootstrap", *given, *NEEDLESS]
    # In a mount namespace that ends with the command: what it and debootstrap mount is never met by anybody.
    commands.run(argv, checkout.cache / "log" / "debootstrap.log", contained=True)
    return context
