"""Models from every source, fetched by the prepare container from the real thing: the same files, the same digest."""

import io
import json
import secrets
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client
from mypy_boto3_s3 import S3Client

from tests.e2e.conftest import credentials_secret
from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.spec.test_bad_input import assert_stalled
from tests.e2e.storage.test_credentials import assert_unseen
from tflite_converter.core.digests import folder_digest

READER = "models-reader"
pytestmark = pytest.mark.tensorflow


def files(env: Environment) -> dict[str, bytes]:
    """The small model of the tests, by file name."""
    models.serve_tiny(env)
    folder = env.hub_dir / "e2e/tiny/1"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def expected(env: Environment) -> str:
    """The digest of the small model."""
    models.serve_tiny(env)
    return f"sha256:{folder_digest(env.hub_dir / 'e2e/tiny/1')}"


def zipped(content: dict[str, bytes], top: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"{top}{name}", data)
    return packed.getvalue()


def tarred(content: dict[str, bytes], top: str = "", mode: str = "w:xz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload] # any mode for writing
        for name, data in content.items():
            info = tarfile.TarInfo(f"{top}{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def run(bench: Workbench, name: str, model: Object) -> Object:
    return bench.run(bench.conversion(name, "", model=model))


def digest(finished: Object) -> str:
    assert condition(finished, "Ready").get("status") == "True", finished["status"]
    found: str = finished["status"]["provenance"]["modelDigest"]
    return found


def test_the_same_model_in_archives_of_any_kind_is_the_same_model(
    bench: Workbench, env: Environment, tiny_model: str
) -> None:
    content = files(env)
    # The names say nothing of what they are.
    addresses = [
        models.serve_file(env, "e2e/sources/zipped", zipped(content, "tiny/1/")),
        models.serve_file(env, "e2e/sources/model.zip", tarred(content)),
    ]
    assert digest(run(bench, "hub", {"handle": tiny_model})) == expected(env)
    for number, address in enumerate(addresses):
        finished = run(bench, f"archive-{number}", {"archive": {"url": f"{address}?download=1"}})
        assert digest(finished) == expected(env)


def test_a_pinned_model_that_moves_is_not_converted_again(bench: Workbench, env: Environment, tiny_model: str) -> None:
    first = run(bench, "moving", {"handle": tiny_model})
    pin = digest(first).removeprefix("sha256:")
    pinned = bench.patch("moving", {"spec": {"model": {"sha256": pin}}})
    bench.wait("moving", lambda seen: _is_ready(seen, pinned))
    address = models.serve_file(env, "e2e/sources/moved.zip", zipped(files(env)))
    moved = bench.patch("moving", {"spec": {"model": {"handle": None, "archive": {"url": address}}}})
    again = bench.wait("moving", lambda seen: _is_ready(seen, moved))
    assert condition(again, "Ready")["reason"] == "Reused"
    assert digest(again) == digest(first)


def _is_ready(seen: Object, wanted: Object) -> bool:
    current = seen["status"].get("observedGeneration") == wanted["metadata"]["generation"]
    return current and condition(seen, "Ready").get("status") == "True"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"Rar!\x1a\x07\x01\x00" + bytes(512), "a RAR archive"), (b"<!doctype html>", "a web page")],
    ids=["rar", "page"],
)
def test_an_archive_of_an_unknown_kind_is_named(bench: Workbench, env: Environment, content: bytes, words: str) -> None:
    address = models.serve_file(env, f"e2e/sources/{words.split()[1]}", content)
    finished = run(bench, "unknown", {"archive": {"url": address}})
    assert_stalled(finished, "NotASavedModel", "model.archive.url", words, "zip archive of a SavedModel")


def in_bucket(bench: Workbench, holder: str | None = READER, **where: str) -> Object:
    source: Object = {"bucket": bench.bucket, "endpoint": bench.env.s3_endpoint, **where}
    return {"s3": source | ({"secretRef": {"name": holder}} if holder else {})}


@pytest.fixture
def reader(bench: Workbench, env: Environment, api: client.ApiClient) -> None:
    """A Secret of the model's own."""
    secret = credentials_secret(env.access_key, env.secret_key, READER)
    client.CoreV1Api(api).create_namespaced_secret(bench.namespace, secret)


def test_an_archive_and_a_folder_in_a_bucket_are_the_same_model(
    bench: Workbench, env: Environment, s3: S3Client, reader: None
) -> None:
    content = files(env)
    s3.put_object(Bucket=bench.bucket, Key="archives/model", Body=zipped(content))
    s3.put_object(Bucket=bench.bucket, Key="folders/10/saved_model.pb", Body=b"another model's")
    for name, data in content.items():
        s3.put_object(Bucket=bench.bucket, Key=f"folders/1/{name}", Body=data)
    for name, where in (("key", {"key": "archives/model"}), ("prefix", {"prefix": "folders/1"})):
        assert digest(run(bench, name, in_bucket(bench, **where))) == expected(env)
    assert_unseen(bench, env, env.secret_key)


def test_a_public_bucket_is_read_without_credentials(bench: Workbench, env: Environment, s3: S3Client) -> None:
    s3.put_object(Bucket=bench.bucket, Key="public/model.zip", Body=zipped(files(env)))
    refused = run(bench, "private", in_bucket(bench, None, key="public/model.zip"))
    assert_stalled(refused, "ModelAccessDenied", "public/model.zip", "set model.s3.secretRef")
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    resource = f"arn:aws:s3:::{bench.bucket}/public/*"
    policy = {"Version": "2012-10-17", "Statement": [everybody | {"Resource": resource}]}
    s3.put_bucket_policy(Bucket=bench.bucket, Policy=json.dumps(policy))
    digest(run(bench, "public", in_bucket(bench, None, key="public/model.zip")))


def test_credentials_of_the_model_that_are_refused_are_named_and_not_shown(
    bench: Workbench, env: Environment, api: client.ApiClient, s3: S3Client
) -> None:
    canary = f"canary-{secrets.token_hex(12)}"
    wrong = credentials_secret(env.access_key, canary, READER)
    client.CoreV1Api(api).create_namespaced_secret(bench.namespace, wrong)
    finished = run(bench, "wrong", in_bucket(bench, key="model.zip"))
    assert_stalled(
        finished, "ModelAccessDenied", READER, "model.s3.secretRef", "the secret key is not that of the access key"
    )
    assert_unseen(bench, env, canary)


def test_what_is_not_in_the_bucket_is_named(bench: Workbench, reader: None) -> None:
    for field, where in (("key", {"key": "absent.zip"}), ("prefix", {"prefix": "absent/1"})):
        finished = run(bench, f"absent-{field}", in_bucket(bench, **where))
        assert_stalled(finished, "ModelNotFound", f"model.s3.{field}", "absent")


Claim = Callable[..., str]


@pytest.fixture
def claim(bench: Workbench, api: client.ApiClient) -> Iterator[Claim]:
    """Yield a function that makes a volume of a folder of the node, and returns the name of its claim."""
    core, made = client.CoreV1Api(api), list[str]()

    def make(folder: Path, name: str = "models") -> str:
        volume = f"{bench.namespace}-{name}"
        size = {"storage": "1Gi"}
        described = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
        core.create_persistent_volume(
            {
                "metadata": {"name": volume},
                "spec": described
                | {"capacity": size, "hostPath": {"path": str(folder)}, "persistentVolumeReclaimPolicy": "Retain"},
            }
        )
        made.append(volume)
        wanted = described | {"volumeName": volume, "resources": {"requests": size}}
        core.create_namespaced_persistent_volume_claim(bench.namespace, {"metadata": {"name": name}, "spec": wanted})
        return name

    yield make
    for volume in made:
        core.delete_persistent_volume(volume)


@pytest.fixture
def node_folder(env: Environment) -> Iterator[Path]:
    """An empty folder that the node has as well."""
    folder = env.hub_dir.parent / "volumes" / secrets.token_hex(6)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def in_volume(path: str | None = None, name: str = "models") -> Object:
    return {"volume": {"claimName": name} | ({"path": path} if path else {})}


def test_an_archive_and_a_folder_in_a_volume_are_the_same_model(
    bench: Workbench, env: Environment, claim: Claim, node_folder: Path
) -> None:
    content = files(env)
    for name, data in content.items():
        (node_folder / "tiny/1" / name).parent.mkdir(parents=True, exist_ok=True)
        (node_folder / "tiny/1" / name).write_bytes(data)
    (node_folder / "archive").write_bytes(tarred(content))
    (node_folder / "latest").symlink_to("tiny/1")
    claim(node_folder)
    # The folder by a link, as whoever trains leaves the best one.
    for path in ("latest", "archive"):
        assert digest(run(bench, path, in_volume(path))) == expected(env)


def test_a_claim_that_does_not_exist_is_named_and_waited_for(
    bench: Workbench, env: Environment, claim: Claim, tiny_model: str
) -> None:
    bench.create(bench.conversion("early", "", model=in_volume("e2e/tiny/1", "later")))
    waiting = bench.wait("early", lambda seen: condition(seen, "Reconciling").get("reason") == "VolumeNotFound")
    message = condition(waiting, "Reconciling")["message"]
    assert '"later" not found' in message
    assert "model.volume.claimName" in message
    claim(env.hub_dir, "later")
    finished = bench.wait("early", is_finished)
    digest(finished)
    assert finished["status"]["job"]["attempt"] == 1


def test_what_cannot_be_had_from_a_volume_is_named(bench: Workbench, claim: Claim, node_folder: Path) -> None:
    claim(node_folder)
    (node_folder / "leaves").symlink_to("/proc/self")
    (node_folder / "locked").mkdir()
    (node_folder / "locked/saved_model.pb").touch(mode=0o600)
    finished = {path: run(bench, path, in_volume(path)) for path in ("absent", "leaves", "locked")}
    assert_stalled(finished["absent"], "ModelNotFound", "absent of volume models", "model.volume.path")
    assert_stalled(finished["leaves"], "ArchiveRefused", "leads out of the volume")
    assert_stalled(finished["locked"], "ModelAccessDenied", "may not be read by user 65532")
