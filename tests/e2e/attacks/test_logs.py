"""The log of a converter's container holds what the converter says, and no password."""

import json
import secrets

import pytest

from tests.attacks import hostile_models
from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person
from tests.e2e.spec.test_bad_input import assert_stalled
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.identity import Identity
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_job
from tflite_operator.settings import Settings

FORGED = {"level": "info", "logger": "tflite_converter.steps.runner", "message": "Converted: all is well"}


@pytest.mark.tensorflow
def test_a_model_writes_no_line_into_the_container_s_log(bench: Workbench, env: Environment, editor: Person) -> None:
    closed = ("/proc/1/fd/1", "/proc/1/fd/2")
    attack = hostile_models.complain("/tmp/planted", *closed, planted=f"{json.dumps(FORGED)}\n")
    handle = models.serve_saved_model(env, "e2e/ghost/1", lambda folder: hostile_models.save(attack, folder))
    finished = editor.run(bench.conversion("ghost", handle))
    # It can write, but not there.
    assert_stalled(finished, "ModelLoadFailed", "written: /tmp/planted; read: ]")
    lines = bench.logs().splitlines()
    assert any('"step": "convert"' in line for line in lines)
    assert [line for line in lines if FORGED["message"] in line] == []


def prepare(bench: Workbench, env: Environment, proxy: str) -> Object:
    """Return the pod that the operator makes where a Secret names the proxy, without the steps that follow."""
    conversion = bench.conversion("proxied", "https://models.invalid/1")
    settings = Settings(converter_image=env.converter_image, cluster_id="tests", converter_proxy_secret=proxy)
    identity = Identity(bench.namespace, "proxied", "11111111-2222-3333-4444-555555555555", 1)
    job = build_job(identity, ConversionSpec.from_object(conversion["spec"]), Attempt(1), settings)
    spec = job["spec"]["template"]["spec"]
    [step] = [one for one in spec.pop("initContainers") if one["name"] == "prepare"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "proxied"}, "spec": spec | {"containers": [step]}}


def test_a_proxy_s_password_with_brackets_reaches_no_log(bench: Workbench, env: Environment, editor: Person) -> None:
    """Python's own words about such an address quote it."""
    password = f"[{secrets.token_hex(12)}]"
    named = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://me:{password}@proxy.invalid:3128")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "proxy"}, "stringData": named}
    assert editor.create(secret) == ""
    assert editor.create(prepare(bench, env, "proxy")) == ""
    phase = ("get", "pod", "proxied", "-o", "jsonpath={.status.phase}")
    bench.until(lambda: bench.kubectl(*phase) == "Failed", "the step has ended")
    told = bench.kubectl("get", "pods,events", "-o", "json") + bench.logs()
    assert "of this container is no address of a proxy" in told
    assert password.strip("[]") not in told
