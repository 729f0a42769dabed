"""Container images as files: the OCI image layout.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dev.host import files

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
# containerd's importer takes the image's name from here; the standard annotation holds the tag alone.
IMAGE_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"
LATEST = "latest"
LAYOUT = b'{"imageLayoutVersion": "1.0.0"}'


@dataclass(frozen=True)
class Blob:
    """A piece of an image, named by its content."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """Return the name that follows from the content."""
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    @property
    def descriptor(self) -> dict[str, Any]:
        """Return how others refer to it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


def single_program(program: Path, name: str, architecture: str) -> bytes:
    """Return an importable archive of an image that holds one static program and runs it."""
    layer = _packed([(program.name, program.read_bytes(), 0o755)])
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
    }
    config_blob = Blob(CONFIG, json.dumps(config).encode())
    manifest = Blob(
        MANIFEST,
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config_blob.descriptor,
                "layers": [layer.descriptor],
            }
        ).encode(),
    )
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for blob in (layer, config_blob, manifest):
            _add(tar, blob_path(blob.digest), blob.data)
        _add(tar, "oci-layout", LAYOUT)
        _add(tar, "index.json", json.dumps(index(manifest.descriptor, name)).encode())
    return output.getvalue()


def layered(base: Path, target: Path, added: Mapping[str, bytes]) -> None:
    """Write the layout of an image with one more layer, of these files."""
    layer = _packed((name, data, 0o644) for name, data in sorted(added.items()))
    manifest = _document(base, manifest_of(base)["digest"])
    config = config_of(base)
    config["rootfs"]["diff_ids"].append(layer.digest)
    config_blob = Blob(manifest["config"]["mediaType"], json.dumps(config).encode())
    manifest |= {"config": config_blob.descriptor, "layers": [*manifest["layers"], layer.descriptor]}
    manifest_blob = Blob(manifest_of(base)["mediaType"], json.dumps(manifest).encode())
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(base, target, copy_function=os.link)
    (target / "index.json").unlink()  # a link too: writing through it would change the other image
    for blob in (layer, config_blob, manifest_blob):
        files.write(target / blob_path(blob.digest), blob.data)
    latest = {**manifest_blob.descriptor, "annotations": {REF_NAME: LATEST}}
    files.write(target / "index.json", json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [latest]}))


def index(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the index of a layout that holds one image."""
    descriptor = {**manifest, "annotations": {IMAGE_NAME: name}}
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}


def blob_path(digest: str) -> str:
    """Return where a layout keeps a blob."""
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def manifest_of(layout: Path) -> dict[str, Any]:
    """Return the descriptor of the image that a layout calls `latest`; earlier ones stay in it without a name."""
    manifests: list[dict[str, Any]] = json.loads((layout / "index.json").read_text())["manifests"]
    (latest,) = (one for one in manifests if one.get("annotations", {}).get(REF_NAME) == LATEST)
    return {key: latest[key] for key in ("mediaType", "digest", "size")}


def config_of(layout: Path) -> dict[str, Any]:
    """Return the configuration of the image that a layout calls `latest`."""
    return _document(layout, _document(layout, manifest_of(layout)["digest"])["config"]["digest"])


def forget_earlier(layout: Path) -> None:
    """Remove from a layout all blobs that its latest image does not use."""
    manifest = manifest_of(layout)
    used = {layout / blob_path(digest) for digest in blobs_of(layout, manifest)}
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{**manifest, "annotations": {REF_NAME: LATEST}}],
    }
    files.write(layout / "index.json", json.dumps(document))
    for blob in (layout / "blobs" / "sha256").iterdir():
        if blob not in used:
            blob.unlink()


def blobs_of(layout: Path, manifest: dict[str, Any]) -> list[str]:
    """List the digests that an image consists of."""
    document = _document(layout, manifest["digest"])
    layers = [layer["digest"] for layer in document["layers"]]
    return [manifest["digest"], document["config"]["digest"], *layers]


def stream(layout: Path, name: str, present: Iterable[str], output: IO[bytes]) -> int:
    """Write an importable archive without the blobs that are already there; return the bytes of the others.

    So a changed source file costs its own size, not the gigabyte of libraries below it.
    """
    manifest, have, written = manifest_of(layout), set(present), 0
    with tarfile.open(fileobj=output, mode="w|") as tar:
        _add(tar, "oci-layout", LAYOUT)
        _add(tar, "index.json", json.dumps(index(manifest, name)).encode())
        for digest in blobs_of(layout, manifest):
            if digest not in have:
                file = layout / blob_path(digest)
                tar.add(file, arcname=blob_path(digest))
                written += file.stat().st_size
    return written


def _document(layout: Path, digest: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((layout / blob_path(digest)).read_text())
    return document


def _packed(added: Iterable[tuple[str, bytes, int]]) -> Blob:
    """Pack a layer of files, each with name, content and mode."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for name, data, mode in added:
            _add(tar, name, data, mode)
    return Blob(LAYER, output.getvalue())


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))
