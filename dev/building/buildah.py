"""buildah with storage of its own: no daemon, no registry, and the machine's own containers are not touched."""

import functools
import json
import resource
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dev.building import oci
from dev.host import commands, files
from dev.host.checkout import Checkout

# Nothing is pulled here, so there is no signature to check; Debian's package brings no policy either.
POLICY = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
# Newer buildahs raise these for each step, which root may not do where it lacks CAP_SYS_RESOURCE, as in a container.
_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


class Buildah:
    """buildah with its storage below `.cache/containers`."""

    def __init__(self, checkout: Checkout) -> None:
        """Make it for a checkout."""
        self._at = checkout.cache / "containers"
        self._logs = checkout.cache / "log"
        self._policy = ("--signature-policy", str(self._at / "policy.json"))

    def build(
        self,
        tag: str,
        dockerfile: Path,
        context: Path,
        arguments: Mapping[str, str],
        volumes: Mapping[str, str],
    ) -> None:
        """Build an image, layer by layer, each kept for the next time."""
        argv = ["buildah", "bud", *self._policy, "--layers", "--pull-never", "--tag", tag, "--file", str(dockerfile)]
        for name, limit in _LIMITS.items():
            argv += ["--ulimit", "{}={}:{}".format(name, *resource.getrlimit(limit))]
        for name, value in arguments.items():
            argv += ["--build-arg", f"{name}={value}"]
        for volume in volumes.items():
            argv += ["--volume", ":".join(volume)]
        self._run([*argv, str(context)], f"build-{dockerfile.parent.name}")

    def export(self, tag: str, layout: Path) -> None:
        """Write an image into an OCI layout; only what the layout lacks, and without compressing it."""
        # Not `buildah push`: that compresses every layer again, every time (17 s for TensorFlow's).
        source = f"containers-storage:{tag}"
        argv = ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-oci-accept-uncompressed-layers"]
        self._run([*argv, source, f"oci:{layout}:{oci.LATEST}"], f"export-{layout.name}")

    def has(self, tag: str) -> bool:
        """Return whether there is such an image."""
        argv = ["buildah", "inspect", "--type", "image", tag]
        return subprocess.run(argv, check=False, capture_output=True, env=self._environment).returncode == 0

    def forget_containers(self) -> None:
        """Remove the working containers that an interrupted build left."""
        self._run(["buildah", "rm", "--all"], "forget-containers")

    def forget_earlier(self) -> None:
        """Remove layers that no present image is built on; the next build's cache stays."""
        self._run(["buildah", "rmi", "--prune", "--force"], "forget-earlier")

    def _run(self, argv: list[str], log: str) -> None:
        # What they keep beside their storage has a fixed place; here it is covered by a folder of ours.
        elsewhere = self._at / "elsewhere"
        elsewhere.mkdir(parents=True, exist_ok=True)
        cover = 'mkdir -p /var/lib/containers && mount --bind "$0" /var/lib/containers && exec "$@"'
        commands.run(
            ["sh", "-c", cover, str(elsewhere), *argv],
            self._logs / f"{log}.log",
            environment=self._environment,
            contained=True,
        )

    @functools.cached_property
    def _environment(self) -> dict[str, str]:
        driver = "overlay" if _overlay_works(self._at / "probe") else "vfs"
        places = f'graphroot = "{self._at}/storage"\nrunroot = "{self._at}/run"\n'
        files.write(self._at / "policy.json", POLICY)
        files.write(self._at / "registries.conf", "unqualified-search-registries = []\n")
        files.write(self._at / "storage.conf", f'[storage]\ndriver = "{driver}"\n{places}')
        # It locks this folder even though these builds share the machine's network.
        files.write(self._at / "containers.conf", f'[network]\nnetwork_config_dir = "{self._at}/networks"\n')
        temporary = self._at / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_CONF": str(self._at / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self._at / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._at / "storage.conf"),
            # Whole layers pass through here; /tmp may be small, or memory.
            "TMPDIR": str(temporary),
        }


def _overlay_works(probe: Path) -> bool:
    """Try an overlay mount: on some file systems, such as another overlay, the kernel refuses it."""
    shutil.rmtree(probe, ignore_errors=True)
    for name in ("lower", "upper", "work", "merged"):
        (probe / name).mkdir(parents=True)
    layers = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
    # In a mount namespace of its own, which ends with the command and the mount with it.
    argv = ["unshare", "--mount", "--", "mount", "-t", "overlay", "overlay", "-o", layers, str(probe / "merged")]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0
