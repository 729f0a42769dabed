"""Container images as files: the OCI image layout.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dev import files

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
        """Return the content's name."""
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    @property
    def descriptor(self) -> dict[str, Any]:
        """Return how others refer to it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


def single_program(program: Path, name: str, architecture: str) -> bytes:
    """Return an importable archive of an image that holds one static program and runs it."""
    layer = Blob(LAYER, _layer(program))
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


def forget_earlier(layout: Path) -> None:
    """Drop from a layout what is not of its latest image."""
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
    document = json.loads((layout / blob_path(manifest["digest"])).read_text())
    layers = [layer["digest"] for layer in document["layers"]]
    return [manifest["digest"], document["config"]["digest"], *layers]


def stream(layout: Path, name: str, present: Iterable[str], output: IO[bytes]) -> int:
    """Write an importable archive without the blobs that are already there; return the bytes of the others.

    A changed source file so costs what it weighs, not the gigabyte of libraries below it.
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


def _layer(program: Path) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        _add(tar, program.name, program.read_bytes(), mode=0o755)
    return output.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))
