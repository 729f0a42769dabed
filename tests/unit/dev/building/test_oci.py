"""Image layouts: what is sent, what is added, what is dropped."""

import io
import json
import tarfile
from pathlib import Path

from dev.building import oci
from dev.host import files


def layout(folder: Path, *layers: bytes) -> Path:
    """Write an OCI layout as buildah does."""
    blobs = [oci.Blob(oci.LAYER, layer) for layer in layers]
    config = oci.Blob(oci.CONFIG, json.dumps({"config": {"Env": ["A=1"]}, "rootfs": {"diff_ids": []}}).encode())
    document = {"config": config.descriptor, "layers": [blob.descriptor for blob in blobs]}
    manifest = oci.Blob(oci.MANIFEST, json.dumps(document).encode())
    for blob in (*blobs, config, manifest):
        files.write(folder / oci.blob_path(blob.digest), blob.data)
    latest = {**manifest.descriptor, "annotations": {oci.REF_NAME: oci.LATEST}}
    earlier = {**oci.Blob(oci.MANIFEST, b"earlier").descriptor}
    files.write(folder / "index.json", json.dumps({"schemaVersion": 2, "manifests": [earlier, latest]}))
    return folder


def test_only_new_layers_are_sent(tmp_path: Path) -> None:
    at = layout(tmp_path, b"libraries" * 100, b"sources")
    libraries = oci.Blob(oci.LAYER, b"libraries" * 100).digest
    sent = io.BytesIO()
    written = oci.stream(at, "localhost/x:dev", [libraries], sent)
    sent.seek(0)
    with tarfile.open(fileobj=sent) as tar:
        names = tar.getnames()
        index = tar.extractfile("index.json")
        assert index is not None
        (named,) = json.load(index)["manifests"]
    assert oci.blob_path(libraries) not in names
    assert oci.blob_path(oci.Blob(oci.LAYER, b"sources").digest) in names
    assert oci.blob_path(named["digest"]) in names
    assert named["annotations"] == {oci.IMAGE_NAME: "localhost/x:dev"}
    assert written < 900


def test_a_layered_image_has_one_layer_more_and_leaves_the_other_as_it_was(tmp_path: Path) -> None:
    base, target = layout(tmp_path / "base", b"libraries"), tmp_path / "layered"
    before = oci.manifest_of(base)
    oci.layered(base, target, {"opt/x.py": b"pass"})
    assert oci.manifest_of(base) == before
    manifest = json.loads((target / oci.blob_path(oci.manifest_of(target)["digest"])).read_text())
    config = json.loads((target / oci.blob_path(manifest["config"]["digest"])).read_text())
    assert config["config"]["Env"] == ["A=1"]
    first, second = manifest["layers"]
    assert first["digest"] == oci.Blob(oci.LAYER, b"libraries").digest
    assert [second["digest"]] == config["rootfs"]["diff_ids"]
    with tarfile.open(target / oci.blob_path(second["digest"])) as tar:
        assert tar.getnames() == ["opt/x.py"]


def test_blobs_of_earlier_builds_are_dropped(tmp_path: Path) -> None:
    at = layout(tmp_path, b"sources")
    old = at / oci.blob_path(oci.Blob(oci.LAYER, b"old").digest)
    old.write_bytes(b"old")
    oci.forget_earlier(at)
    assert not old.exists()
    assert (at / oci.blob_path(oci.Blob(oci.LAYER, b"sources").digest)).exists()
    assert len(json.loads((at / "index.json").read_text())["manifests"]) == 1
