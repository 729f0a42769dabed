"""Conversions in the hands of kubectl, Argo CD and Flux: what they see is never of an old spec."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from tests.e2e.fixtures.conversions import Workbench, condition, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.manifests import example_conversions
from tests.programs import argolua
from tflite_api import names
from tflite_operator.informer.conversion_cache import ConversionCache
from tflite_operator.informer.informers import Informers
from tflite_operator.informer.object_cache import ObjectCache
from tflite_operator.kube.client import CONVERSIONS, Client
from tflite_operator.kube.connection import Connection
from tflite_operator.observe.conversion import observe_conversion
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod
from tflite_operator.reconcile.observer import Caches
from tflite_operator.reconcile.reconciler import Reconciler, difference
from tflite_operator.settings import Settings
from tflite_operator.telemetry.conversion_stats import ConversionStats

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/how-to/gitops.md").read_text()
EXAMPLES = example_conversions()
NO_JOBS = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
PERIODS = 100

Object = dict[str, Any]


def snippets(language: str) -> list[str]:
    """Return the page's code of one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def wait_until_refused(bench: Workbench, name: str) -> Object:
    """Wait until the operator has said all that it has to say of a conversion that may have no Job."""

    def is_refused(seen: Object) -> bool:
        # Of a quota that is new the API server says only that its status is unknown.
        said = condition(seen, "Reconciling")
        return said.get("reason") == "JobRefused" and "exceeded quota" in said["message"]

    return bench.wait(name, is_refused)


def test_wait_for_ready_does_not_return_for_an_old_generation(bench: Workbench, tiny_model: str) -> None:
    first = bench.run(bench.conversion("changed", tiny_model))
    assert holds("Ready")(first)
    bench.patch("changed", {"spec": {"quantization": {"type": "Float16"}}})
    seen = json.loads(bench.kubectl("wait", "--for=condition=Ready", "--timeout=400s", "tflc/changed", "-o", "json"))
    assert seen["metadata"]["generation"] == 2
    assert holds("Ready")(seen)
    assert condition(seen, "Ready")["observedGeneration"] == 2
    assert seen["status"]["artifact"]["sha256"] != first["status"]["artifact"]["sha256"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_applying_an_example_again_changes_nothing(bench: Workbench, api: client.ApiClient, file: Path) -> None:
    # Without a Job nothing is fetched, and the operator soon has nothing more to say.
    client.CoreV1Api(api).create_namespaced_resource_quota(bench.namespace, NO_JOBS)
    example = yaml.safe_load(file.read_text())
    assert example["kind"] == names.KIND
    bench.kubectl("apply", "--server-side", "-f", str(file))
    before = wait_until_refused(bench, example["metadata"]["name"])
    bench.kubectl("apply", "--server-side", "-f", str(file))
    assert bench.get(example["metadata"]["name"]) == before
    assert bench.kubectl("diff", "--server-side", "-f", str(file)) == ""
    assert list(changed_lists(example["spec"], before["spec"])) == []


def changed_lists(given: object, kept: object) -> Sequence[str]:
    """Name the lists that the API server did not keep as they were: Argo CD shows those as a difference for ever."""
    match given, kept:
        case dict(), dict():
            return [f"{name} {more}" for name in given for more in changed_lists(given[name], kept[name])]
        case list(), _ if given != kept:
            return [f"{given} became {kept}"]
        case _:
            return []


def test_nothing_is_written_at_rest(bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str) -> None:
    bench.create(bench.conversion("failed", tiny_model, signature={"key": "predict"}))
    bench.create(bench.conversion("paused", tiny_model, suspend=True))
    without_secret = bench.conversion("waiting", tiny_model)
    without_secret["spec"]["destination"]["s3"]["secretRef"]["name"] = "absent"
    bench.create(without_secret)
    done = bench.run(bench.conversion("done", tiny_model))
    bench.wait("failed", is_finished)
    # By a clock that leaps, a Job that is about to end lingers, and would be deleted.
    batch, name = client.BatchV1Api(api), done["status"]["job"]["name"]
    bench.until(
        lambda: batch.read_namespaced_job(name, bench.namespace).status.completion_time is not None, "the Job has ended"
    )
    bench.wait("paused", lambda seen: condition(seen, "Ready").get("reason") == "Suspended")
    bench.wait("waiting", lambda seen: condition(seen, "Ready").get("reason") == "SecretNotFound")
    client.CoreV1Api(api).create_namespaced_resource_quota(bench.namespace, NO_JOBS)
    bench.create(bench.conversion("refused", tiny_model))
    wait_until_refused(bench, "refused")

    resting = ["done", "failed", "paused", "waiting", "refused"]
    before = {name: bench.get(name) for name in resting}
    again = asyncio.run(look_on(env, [(bench.namespace, name) for name in resting]))
    assert {name: bench.get(name) for name in resting} == before
    # It does look again where it must: the periods that went by were full of looks.
    assert {name for name, seconds in zip(resting, again, strict=True) if seconds is not None} >= {"waiting", "refused"}


async def look_on(env: Environment, keys: Sequence[tuple[str, str]]) -> list[float | None]:
    """Reconcile each for PERIODS recheck periods, by a clock that leaps from one to the next."""
    settings = Settings(converter_image=env.converter_image, cluster_id="prod")
    configuration = Configuration()
    await config.load_kube_config(config_file=env.kubeconfig, context=env.context, client_configuration=configuration)
    begun, ticks = datetime.now(UTC), count()

    def clock() -> datetime:
        return begun + next(ticks) * timedelta(seconds=settings.recheck_seconds)

    caches = Caches(
        ConversionCache(lambda shown, before: observe_conversion(shown, settings, before), ConversionStats()),
        ObjectCache(observe_job),
        ObjectCache(observe_pod),
    )
    connection, scopes = Connection(configuration), tuple({namespace for namespace, _ in keys})
    cluster = Client(connection, settings.request_timeout_seconds)
    try:
        async with Informers(cluster, (caches.jobs, caches.pods), lambda _: None, lambda _: None, scopes) as informers:
            await informers.synced()
            for scope in scopes:
                page = await cluster.page(CONVERSIONS, scope, "")
                assert page.token == "", "there are a few"
                for one in page.items:
                    caches.conversions.show(one)
            reconciler = Reconciler(cluster, caches, settings, "test", clock, lambda: clock().timestamp())
            for _ in range(PERIODS):
                again = [await reconciler.reconcile(key) for key in keys]
            assert not any(task.done() for task in informers.tasks), "a watch ended"
    finally:
        await connection.close()
    return again


def test_the_actions_of_argo_cd_suspend_resume_and_convert_again(bench: Workbench, tiny_model: str) -> None:
    bench.run(bench.conversion("acted", tiny_model))

    def act(action: str) -> Object:
        before = bench.get("acted")
        [after] = argolua.run(argolua.action(action), [before])
        change = {name: difference(before[name], after[name]) for name in ("metadata", "spec")}
        bench.patch("acted", change)
        return bench.get("acted")

    act("suspend")
    bench.wait("acted", lambda seen: condition(seen, "Ready").get("reason") == "Suspended")
    act("resume")
    resumed = bench.wait("acted", is_finished)
    assert condition(resumed, "Ready")["reason"] == "Reused"
    asked = act("convert-again")["metadata"]["annotations"][names.REQUESTED_AT_ANNOTATION]
    bench.wait("acted", lambda seen: seen["status"].get("lastHandledRequest") == asked)
    again = bench.wait("acted", is_finished)
    assert condition(again, "Ready")["reason"] == "Converted"
    assert again["status"]["job"]["attempt"] == 2


@pytest.fixture
def shell(bench: Workbench, tmp_path: Path) -> dict[str, str]:
    """Variables of a shell whose kubectl works on the test's namespace, as a user's would."""
    kubectl = tmp_path / "kubectl"
    command = " ".join([*bench.env.kubectl, "--namespace", bench.namespace])
    kubectl.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    kubectl.chmod(0o755)
    return os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_the_page_waits_for_either_outcome_and_for_one_more_run(
    bench: Workbench, tiny_model: str, shell: dict[str, str]
) -> None:
    either, once_more = snippets("bash")

    def run(script: str) -> int:
        return subprocess.run(["bash", "-c", script], env=shell, check=False, timeout=240).returncode

    bench.create(bench.conversion("mobilenet-v2", tiny_model, signature={"key": "predict"}))
    assert run(either) != 0
    assert holds("Stalled")(bench.get("mobilenet-v2"))
    bench.patch("mobilenet-v2", {"spec": {"signature": None}})
    assert run(either) == 0
    assert holds("Ready")(bench.get("mobilenet-v2"))
    assert run(once_more) == 0
    assert condition(bench.get("mobilenet-v2"), "Ready")["reason"] == "Converted"
    assert bench.get("mobilenet-v2")["status"]["job"]["attempt"] == 2


def test_the_settings_for_argo_cd_go_into_its_config_map(bench: Workbench, tmp_path: Path) -> None:
    settings = ROOT / "deploy/argocd/argocd-cm.yaml"
    assert f"--patch-file {settings.relative_to(ROOT)}" in PAGE
    bench.kubectl("create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example.com")
    bench.kubectl("patch", "configmap", "argocd-cm", "--patch-file", str(settings))
    patched = json.loads(bench.kubectl("get", "configmap", "argocd-cm", "-o", "json"))["data"]

    [kustomization] = [one for one in snippets("yaml") if one.startswith("patches:")]
    place = re.search(r"path: (\S+)", kustomization)
    assert place is not None
    (tmp_path / place[1]).parent.mkdir(parents=True)
    (tmp_path / place[1]).write_text(settings.read_text())
    (tmp_path / "kustomization.yaml").write_text(f"resources: [base.yaml]\n{kustomization}")
    base = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base | {"data": {"url": "https://argocd.example.com"}}))
    assert yaml.safe_load(bench.kubectl("kustomize", str(tmp_path)))["data"] == patched

    kind = f"{names.GROUP}_{names.KIND}"
    assert patched["url"] == "https://argocd.example.com"
    assert patched[f"resource.customizations.health.{kind}"] == argolua.HEALTH.read_text()
