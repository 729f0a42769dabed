"""Conversions in a Git repository, under a Kustomization of Flux that waits for them."""

import json
from typing import Any

import pytest
import yaml
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures.conversions import Object, Workbench, condition, holds, is_finished
from tests.e2e.storage.test_deletion_policy import exists
from tests.gitops.flux import Flux
from tests.gitops.repository import Repository
from tflite_api.names import FINALIZER, REQUESTED_AT_ANNOTATION

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("operator"), pytest.mark.timeout(1200)]

TEN: dict[str, Object] = {
    **{f"batch-{size}": {"signature": {"inputs": [{"name": "x", "shape": [size, 8]}]}} for size in range(1, 6)},
    "again": {"signature": {"key": "again"}},
    "again-in-halves": {"signature": {"key": "again"}, "quantization": {"type": "Float16"}},
    "in-halves": {"quantization": {"type": "Float16"}},
    "plain": {},
    # The operator puts a finalizer on it.
    "taken-along": {"deletionPolicy": "Delete"},
}


class Folder:
    """Files of conversions, as a team has them in Git."""

    def __init__(self, bench: Workbench, handle: str) -> None:
        self._bench, self._handle = bench, handle

    def file(self, name: str, key: str | None = None, **spec: Any) -> dict[str, str]:
        made = self._bench.conversion(name, self._handle, **spec)
        made["spec"]["destination"]["s3"]["key"] = key or f"{name}.tflite"
        return {path(name): yaml.safe_dump(made)}


def path(name: str) -> str:
    return f"conversions/{name}.yaml"


@pytest.fixture
def folder(bench: Workbench, tiny_model: str) -> Folder:
    return Folder(bench, tiny_model)


def test_a_kustomization_is_ready_when_its_ten_conversions_are_and_changes_nothing_then(
    flux: Flux, bench: Workbench, repository: Repository, folder: Folder
) -> None:
    files: dict[str, str] = {}
    for name, spec in TEN.items():
        files |= folder.file(name, **spec)
    revision = repository.commit(files)
    # On a busy machine each takes a minute.
    flux.apply(flux.source(), flux.kustomization(timeout="15m"))
    ready = flux.wait_ready(revision)
    done = {name: bench.get(name) for name in TEN}
    assert [name for name, one in done.items() if not holds("Ready")(one)] == []
    assert len(ready["status"]["inventory"]["entries"]) == len(TEN)
    # Both write whole seconds, in the same form.
    last = max(condition(one, "Ready")["lastTransitionTime"] for one in done.values())
    assert condition(ready, "Ready")["lastTransitionTime"] >= last
    assert FINALIZER in done["taken-along"]["metadata"]["finalizers"]
    assert all(one["status"]["job"]["attempt"] == 1 for one in done.values())

    said = sorted(flux.events("Kustomization"))
    for _ in range(2):
        flux.reconcile()
    assert {name: bench.get(name) for name in TEN} == done
    # Of each object that it finds changed and applies again it tells: "configured".
    again = flux.events("Kustomization")
    assert [words for words in again if "configured" in words or "drift" in words] == []
    assert [words for words in said if "created" in words] != []


def test_a_bad_conversion_makes_it_fail_at_once_and_says_itself_what_to_change(
    flux: Flux, bench: Workbench, repository: Repository, folder: Folder
) -> None:
    revision = repository.commit(folder.file("good") | folder.file("bad", signature={"key": "predict"}))
    flux.apply(flux.source(), flux.kustomization())
    failed = condition(flux.wait_failed(revision), "Ready")
    # Long before its timeout: it takes Stalled for an end.
    assert failed["reason"] == "HealthCheckFailed"
    assert f"stalled resources: [TFLiteConversion/{bench.namespace}/bad status: 'Failed'" in failed["message"]
    bad = bench.get("bad")
    assert condition(bad, "Stalled")["reason"] == "SignatureNotFound"
    assert "predict" in condition(bad, "Stalled")["message"]
    assert "serving_default" in condition(bad, "Stalled")["message"]
    assert condition(bench.wait("good", is_finished, 600), "Ready")["status"] == "True"

    revision = repository.commit(folder.file("bad", signature={"key": "again"}))
    flux.fetch(revision)
    flux.wait_ready(revision)
    assert holds("Ready")(bench.get("bad"))


def test_it_waits_for_a_changed_spec_and_a_revert_converts_nothing(
    flux: Flux, bench: Workbench, repository: Repository, folder: Folder
) -> None:
    flux.apply(flux.source(), flux.kustomization())
    revision = repository.commit(folder.file("model"))
    flux.fetch(revision)
    flux.wait_ready(revision)
    first = bench.get("model")["status"]["artifact"]

    revision = repository.commit(folder.file("model", "in-halves.tflite", quantization={"type": "Float16"}))
    flux.fetch(revision)
    flux.wait_ready(revision)
    second = bench.get("model")
    assert second["metadata"]["generation"] == 2
    assert condition(second, "Ready")["reason"] == "Converted"
    assert second["status"]["artifact"]["sha256"] != first["sha256"]

    revision = repository.revert()
    flux.fetch(revision)
    flux.wait_ready(revision)
    third = bench.get("model")
    assert third["metadata"]["generation"] == 3
    assert condition(third, "Ready")["reason"] == "Reused"
    assert third["status"]["artifact"] == first


def test_what_is_pruned_takes_its_artifact_along_where_the_conversion_says_so(
    flux: Flux, bench: Workbench, repository: Repository, folder: Folder, s3: S3Client
) -> None:
    names = ["kept", "taken", "stays", "goes"]
    policy = {"taken": {"deletionPolicy": "Delete"}, "goes": {"deletionPolicy": "Delete"}}
    files: dict[str, str] = {}
    for name in names:
        files |= folder.file(name, **policy.get(name, {}))
    revision = repository.commit(files)
    flux.apply(flux.source(), flux.kustomization())
    flux.wait_ready(revision)

    def there() -> set[str]:
        listed = json.loads(bench.kubectl("get", "tflc", "-o", "json"))["items"]
        return {one["metadata"]["name"] for one in listed}

    def artifacts() -> set[str]:
        return {name for name in names if exists(s3, bench.bucket, f"{name}.tflite")}

    assert there() == artifacts() == set(names)
    revision = repository.commit({path("kept"): None, path("taken"): None})
    flux.fetch(revision)
    flux.wait_ready(revision)
    bench.until(lambda: there() == {"stays", "goes"}, "the two that Git lost are pruned")
    assert artifacts() == {"kept", "stays", "goes"}

    # A Kustomization that is deleted prunes what is left.
    flux.delete("kustomization")
    bench.until(lambda: there() == set(), "all conversions are pruned")
    assert artifacts() == {"kept", "stays"}


def test_a_suspended_kustomization_applies_nothing_until_it_is_resumed(
    flux: Flux, bench: Workbench, repository: Repository, folder: Folder
) -> None:
    other = yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}})
    revision = repository.commit(folder.file("model") | {"other/other.yaml": other})
    flux.apply(flux.source(), flux.kustomization(), flux.kustomization("other", path="./other"))
    flux.wait_ready(revision)
    flux.wait_ready(revision, "other")
    flux.suspend(suspended=True)
    before = bench.get("model")
    revision = repository.commit(folder.file("model", quantization={"type": "Float16"}))
    flux.fetch(revision)
    # Had the suspended one anything to do with the revision, it would have been told of it as well as this.
    flux.wait_ready(revision, "other")
    assert bench.get("model") == before
    flux.suspend(suspended=False)
    flux.wait_ready(revision)
    assert bench.get("model")["spec"]["quantization"]["type"] == "Float16"


def test_a_conversion_that_git_suspends_is_waited_for_until_the_timeout(
    flux: Flux, bench: Workbench, repository: Repository, folder: Folder
) -> None:
    revision = repository.commit(folder.file("model", suspend=True))
    flux.apply(flux.source(), flux.kustomization(timeout="10s"))
    failed = condition(flux.wait_failed(revision), "Ready")
    assert f"timeout waiting for: [TFLiteConversion/{bench.namespace}/model status: 'InProgress'" in failed["message"]
    assert condition(bench.get("model"), "Ready")["reason"] == "Suspended"
    revision = repository.commit(folder.file("model"))
    flux.fetch(revision)
    # Not before there is something else to wait for: what it waits for it does not leave for another revision.
    flux.apply(flux.kustomization())
    flux.wait_ready(revision)
    assert holds("Ready")(bench.get("model"))


@pytest.mark.parametrize(("manager", "stays"), [("kubectl-annotate", False), ("release-team", True)])
def test_one_more_run_that_was_asked_for_by_hand_is_run_once_whatever_flux_does_to_the_annotation(
    flux: Flux, bench: Workbench, repository: Repository, folder: Folder, manager: str, stays: bool
) -> None:
    """Flux takes back what kubectl changed under a name of its own, and leaves alone what has another name."""
    revision = repository.commit(folder.file("model"))
    flux.apply(flux.source(), flux.kustomization())
    flux.wait_ready(revision)
    now = "2026-01-31T12:00:00Z"
    asked = f"{REQUESTED_AT_ANNOTATION}={now}"
    bench.kubectl("annotate", f"--field-manager={manager}", "tflc/model", asked)
    bench.wait("model", lambda seen: seen["status"].get("lastHandledRequest") == now)
    # While it runs.
    flux.reconcile()
    done = bench.get("model")
    assert (REQUESTED_AT_ANNOTATION in done["metadata"].get("annotations", {})) == stays
    assert holds("Ready")(done)
    assert condition(done, "Ready")["reason"] == "Converted"
    assert done["status"]["job"]["attempt"] == 2
    flux.reconcile()
    assert bench.get("model") == done
