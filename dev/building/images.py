"""The project's two images: built when what goes into them has changed."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.building import base_image, oci
from dev.building.buildah import Buildah
from dev.building.venv import outside, parse_pip_configuration
from dev.host import files
from dev.host.checkout import Checkout
from dev.host.lock import held
from dev.host.progress import step

OPERATOR_IMAGE = "localhost/tflite-operator:dev"
CONVERTER_IMAGE = "localhost/tflite-converter:dev"
CA_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"
PIP_SETTINGS = ("extra-index-url", "index-url", "proxy", "retries", "timeout", "default-timeout", "trusted-host")


@dataclass(frozen=True)
class Image:
    """One image of the project."""

    tag: str
    folder: str
    lock: str
    takes: str

    @property
    def name(self) -> str:
        """Return its short name."""
        return self.tag.rpartition("/")[2].partition(":")[0]

    def inputs(self, root: Path) -> list[Path]:
        """List what the image is made of."""
        return [
            root / self.folder,
            root / "api" / "tflite_api",
            root / "locks" / self.lock,
            root / "dev" / "building" / "unneeded.py",
            root / ".dockerignore",
        ]


IMAGES = (
    Image(OPERATOR_IMAGE, "operator", "operator.txt", "half a minute"),
    Image(CONVERTER_IMAGE, "converter_image", "converter.txt", "three to four minutes"),
)


def tagged(tag: str) -> Image:
    """Return the image of a tag."""
    return next(image for image in IMAGES if image.tag == tag)


def make(checkout: Checkout, wanted: Sequence[Image] = IMAGES) -> None:
    """Build the images that are not there or were built from something else."""
    with held(checkout.cache / "images.lock", "another build of the images"):
        buildah = Buildah(checkout)
        base = os.environ.get("BASE", "")
        outdated = [image for image in wanted if not _is_current(checkout, image)]
        if not outdated:
            return
        buildah.forget_containers()
        base = base or base_image.TAG
        if base == base_image.TAG:
            base_image.make(checkout, buildah)
        for image in outdated:
            with step(f"building {image.tag}", cold=image.takes):
                _build(checkout, buildah, image, base)
        buildah.forget_earlier()


def _build(checkout: Checkout, buildah: Buildah, image: Image, base: str) -> None:
    stamp, target = _stamp(checkout, image), layout(checkout, image)
    inputs = _fingerprint(checkout, image)
    stamp.unlink(missing_ok=True)
    dockerfile = checkout.root / image.folder / "Dockerfile"
    buildah.build(image.tag, dockerfile, checkout.root, {"BASE": base}, volumes(checkout))
    target.parent.mkdir(parents=True, exist_ok=True)
    buildah.export(image.tag, target)
    oci.forget_earlier(target)
    files.write(stamp, inputs)


def _is_current(checkout: Checkout, image: Image) -> bool:
    stamp = _stamp(checkout, image)
    return stamp.exists() and stamp.read_text() == _fingerprint(checkout, image)


def _fingerprint(checkout: Checkout, image: Image) -> str:
    how = [base_image.TAG, base_image.DOCKERFILE, base_image.SUITE, *base_image.PACKAGES, base_image.BOOTSTRAP]
    return files.fingerprint(checkout.root, image.inputs(checkout.root), os.environ.get("BASE", ""), *how)


def volumes(checkout: Checkout) -> dict[str, str]:
    """Return the machine's files that a build may see. They are mounted, so that none is left in an image."""
    # Not the Python of the environment, which may be made anew at the same time.
    python = outside(checkout.cache / "venv")
    listed = subprocess.run([python, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True).stdout
    settings = parse_pip_configuration(listed)
    found = {}
    bundle = certificates(os.environ, settings)
    if bundle is not None:
        found[str(bundle)] = f"{CA_IN_IMAGE}:ro"
    configuration = checkout.cache / "containers" / "pip.conf"
    files.write(configuration, pip_configuration(settings, bundle is not None))
    found[str(configuration)] = "/etc/pip.conf:ro"
    return found


def pip_configuration(settings: Mapping[str, str], has_bundle: bool) -> str:
    """Return the machine's pip settings as far as they hold inside a build. Pure."""
    kept = {name: settings[name] for name in PIP_SETTINGS if name in settings}
    if has_bundle:
        kept["cert"] = CA_IN_IMAGE
    lines = [f"{name} = {value}" for name, value in sorted(kept.items())]
    return "\n".join(["[global]", *lines, ""])


def certificates(environment: Mapping[str, str], settings: Mapping[str, str]) -> Path | None:
    """Return the bundle of certificate authorities that this machine trusts."""
    named = (settings.get("cert"), environment.get("SSL_CERT_FILE"), CA_IN_IMAGE)
    return next((Path(name) for name in named if name and Path(name).is_file()), None)


def _stamp(checkout: Checkout, image: Image) -> Path:
    return checkout.images / f"{image.name}.built-from"


def layout(checkout: Checkout, image: Image) -> Path:
    """Return where an image is kept as an OCI layout."""
    return checkout.images / image.name
