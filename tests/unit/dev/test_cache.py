"""What is kept between runs: whole or not at all, and made anew when what went into it has changed."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from dev.building import oci
from dev.building.images import certificates, pip_configuration
from dev.building.venv import parse_pip_configuration, uv_environment
from dev.daemons.node import nameless
from dev.host import files
from dev.host.cleaning import mounts_below


def test_write_replaces_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    file = tmp_path / "a" / "file"
    files.write(file, "one")
    files.write(file, b"two", mode=0o600)
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_interrupted_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    files.write(file, "old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_fingerprint_tells_content_and_names_apart(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "a").write_text("1")
    first = files.fingerprint(tmp_path, [folder], "word")
    (folder / "__pycache__" / "a.pyc").write_text("compiled")
    assert files.fingerprint(tmp_path, [folder], "word") == first
    assert files.fingerprint(tmp_path, [folder], "other") != first
    (folder / "a").write_text("2")
    assert files.fingerprint(tmp_path, [folder], "word") != first
    (folder / "a").rename(folder / "b")
    (folder / "b").write_text("1")
    assert files.fingerprint(tmp_path, [folder], "word") != first


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
    oci.layered(base, target, {"opt/x.py": b"pass"}, {"B": "2"})
    assert oci.manifest_of(base) == before
    manifest = json.loads((target / oci.blob_path(oci.manifest_of(target)["digest"])).read_text())
    config = json.loads((target / oci.blob_path(manifest["config"]["digest"])).read_text())
    assert config["config"]["Env"] == ["A=1", "B=2"]
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


def test_only_images_that_lost_their_name_are_forgotten() -> None:
    digests = {"localhost/x:dev": "sha256:2", "sha256:b": "sha256:2", "sha256:a": "sha256:1"}
    assert nameless(digests) == ["sha256:a"]


def test_mounts_below_a_folder_innermost_first() -> None:
    mountinfo = """22 1 0:20 / / rw - ext4 /dev/x rw
30 22 0:21 / /c/.cache/a\\040b rw - tmpfs tmpfs rw
31 30 0:22 / /c/.cache/a\\040b/c rw - tmpfs tmpfs rw
32 22 0:23 / /c/.cache2 rw - tmpfs tmpfs rw
"""
    assert mounts_below(Path("/c/.cache"), mountinfo) == [Path("/c/.cache/a b/c"), Path("/c/.cache/a b")]


def test_pip_settings_reach_uv_and_image_builds() -> None:
    listed = (
        ":env:.index-url='https://one.example/simple'\nglobal.index-url='https://two.example'\nglobal.cert='/ca.pem'\n"
    )
    settings = parse_pip_configuration(listed)
    assert settings == {"index-url": "https://one.example/simple", "cert": "/ca.pem"}
    cache = Path("/c/.cache")
    assert uv_environment({}, settings, cache)["UV_DEFAULT_INDEX"] == "https://one.example/simple"
    assert uv_environment({"UV_DEFAULT_INDEX": "mine"}, settings, cache)["UV_DEFAULT_INDEX"] == "mine"
    assert "UV_DEFAULT_INDEX" not in uv_environment({}, {}, cache)
    content = pip_configuration({**settings, "find-links": "/wheels"}, has_bundle=True)
    expected = "cert = /etc/ssl/certs/ca-certificates.crt\nindex-url = https://one.example/simple"
    assert content == f"[global]\n{expected}\n"


def test_first_certificate_bundle_that_exists(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    assert certificates({"SSL_CERT_FILE": str(bundle)}, {"cert": str(tmp_path / "absent")}) == bundle
