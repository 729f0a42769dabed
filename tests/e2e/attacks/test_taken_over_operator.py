"""Whoever has taken over the operator makes no Job but those of conversions."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client

from tests.attacks.foreign_code import FOREIGN_CODE
from tests.attacks.foreign_config_maps import FOREIGN_CONFIG_MAPS
from tests.attacks.stolen_keys import STOLEN_KEYS
from tests.e2e.conftest import new_namespace
from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person
from tests.e2e.fixtures.operator_http import SYSTEM
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.identity import Identity
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_cleanup, build_job
from tflite_operator.settings import Settings

Change = Callable[[Object], None]

SECRET = {"name": "STOLEN", "valueFrom": {"secretKeyRef": {"name": "victim", "key": "password"}}}


@pytest.fixture
def taken_over(bench: Workbench) -> Person:
    """The operator's own account, with all its rights."""
    return Person(bench, f"system:serviceaccount:{SYSTEM}:tflite-operator")


def built(bench: Workbench, env: Environment, cleanup: bool = False) -> Object:
    conversion = bench.conversion("taken", "https://models.invalid/1")
    spec = ConversionSpec.from_object(conversion["spec"])
    identity = Identity(bench.namespace, "taken", "11111111-2222-3333-4444-555555555555", 1)
    settings = Settings(converter_image=env.converter_image, cluster_id="tests")
    return build_cleanup(identity, spec, settings) if cleanup else build_job(identity, spec, Attempt(1), settings)


def pod(job: Object) -> Any:
    return job["spec"]["template"]["spec"]


def privileged(job: Object) -> None:
    pod(job)["containers"][0]["securityContext"] = {"privileged": True}


def host_path(job: Object) -> None:
    pod(job)["volumes"].append({"name": "node", "hostPath": {"path": "/"}})
    pod(job)["containers"][0]["volumeMounts"].append({"name": "node", "mountPath": "/node"})


def secret_volume(job: Object) -> None:
    pod(job)["volumes"].append({"name": "stolen", "secret": {"secretName": "victim"}})


def secret_variable(job: Object) -> None:
    pod(job)["containers"][0]["env"].append(copy.deepcopy(SECRET))


def secret_as_a_proxy(job: Object) -> None:
    pod(job)["containers"][0]["env"].append(copy.deepcopy(SECRET) | {"name": "HTTPS_PROXY"})


def any_entry_as_credentials(job: Object) -> None:
    pod(job)["containers"][0]["env"].append(copy.deepcopy(SECRET) | {"name": "AWS_SESSION_TOKEN"})


def secret_for_the_model(job: Object) -> None:
    pod(job)["initContainers"][1]["env"].append(
        {"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "AWS_ACCESS_KEY_ID"}}}
    )


def another_image(job: Object) -> None:
    pod(job)["containers"][0]["image"] = "attacker.example.com/image:1"


def another_command(job: Object) -> None:
    pod(job)["containers"][0]["command"] = ["sh", "-c", "env"]


def another_argument(job: Object) -> None:
    pod(job)["containers"][0]["args"] = ["--help"]


def lifecycle_hook(job: Object) -> None:
    pod(job)["containers"][0]["lifecycle"] = {"postStart": {"exec": {"command": ["sh", "-c", "env"]}}}


def one_container_more(job: Object) -> None:
    pod(job)["containers"].append(copy.deepcopy(pod(job)["containers"][0]) | {"name": "more"})


def token(job: Object) -> None:
    pod(job)["automountServiceAccountToken"] = True


def token_for_the_api_server(job: Object) -> None:
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    pod(job)["volumes"].append({"name": "token", "projected": {"sources": [source]}})


def root(job: Object) -> None:
    pod(job)["securityContext"] = {"runAsUser": 0}


def host_network(job: Object) -> None:
    pod(job)["hostNetwork"] = True


def no_conversion(job: Object) -> None:
    # A Job without labels takes those of its pods.
    del job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]


def no_owner(job: Object) -> None:
    del job["metadata"]["ownerReferences"]


def marks(job: Object) -> Any:
    return job["spec"]["template"]["metadata"]


def no_label_of_a_converter(job: Object) -> None:
    marks(job)["labels"]["app.kubernetes.io/name"] = "free"


def another_conversion_s_pods(job: Object) -> None:
    marks(job)["labels"]["tflite-operator.dev/conversion"] = "victim"


def unconfined(job: Object) -> None:
    marks(job)["annotations"]["container.apparmor.security.beta.kubernetes.io/convert"] = "unconfined"


def injected_credentials(job: Object) -> None:
    marks(job)["annotations"]["vault.hashicorp.com/agent-inject"] = "true"


def tokens_for_the_model(job: Object) -> None:
    del marks(job)["annotations"]["eks.amazonaws.com/skip-containers"]


CHANGES: list[Change] = [
    no_label_of_a_converter,
    another_conversion_s_pods,
    unconfined,
    injected_credentials,
    tokens_for_the_model,
    privileged,
    host_path,
    secret_volume,
    secret_variable,
    secret_as_a_proxy,
    any_entry_as_credentials,
    secret_for_the_model,
    another_image,
    another_command,
    another_argument,
    lifecycle_hook,
    one_container_more,
    token,
    token_for_the_api_server,
    root,
    host_network,
    no_conversion,
    no_owner,
    *STOLEN_KEYS,
    *FOREIGN_CONFIG_MAPS,
    *FOREIGN_CODE,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.__name__))
def test_it_makes_no_job_but_those_that_it_is_there_for(
    bench: Workbench, env: Environment, taken_over: Person, change: Change
) -> None:
    job = built(bench, env)
    assert taken_over.create(job, "--dry-run=server") == ""
    change(job)
    words = taken_over.create(job, "--dry-run=server")
    assert "the operator" in words, words
    assert "operator.tflite-operator.dev" in words, words


def test_it_makes_the_jobs_of_conversions(bench: Workbench, env: Environment, taken_over: Person) -> None:
    assert taken_over.create(built(bench, env), "--dry-run=server") == ""
    assert taken_over.create(built(bench, env, cleanup=True), "--dry-run=server") == ""


def test_the_reviews_attack(bench: Workbench, env: Environment, api: client.ApiClient, taken_over: Person) -> None:
    """A privileged Job with the node's files and somebody's Secret, in another namespace."""
    with new_namespace(api, env) as elsewhere:
        container = {
            "name": "steal",
            "image": env.converter_image,
            "command": ["sh", "-c", "env; cat /node/etc/shadow"],
            "env": [SECRET],
            "securityContext": {"privileged": True},
            "volumeMounts": [{"name": "node", "mountPath": "/node"}],
        }
        volumes = [{"name": "node", "hostPath": {"path": "/"}}]
        spec = {"restartPolicy": "Never", "containers": [container], "volumes": volumes}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "steal"}}
        words = taken_over.create(job | {"spec": {"template": {"spec": spec}}}, namespace=elsewhere)
        assert "operator.tflite-operator.dev" in words, words
        assert bench.kubectl("get", "jobs", "--namespace", elsewhere, "-o", "name") == ""


def test_it_neither_changes_nor_deletes_jobs_of_others(bench: Workbench, env: Environment, taken_over: Person) -> None:
    container = {"name": "theirs", "image": env.converter_image, "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "theirs"}}
    bench.apply(job | {"spec": {"suspend": True, "template": template}})
    no_jobs_of_others = "no Jobs but those of conversions"
    assert no_jobs_of_others in taken_over.change("job", "theirs", {"spec": {"suspend": False}})
    assert no_jobs_of_others in taken_over.change("job", "theirs", {"metadata": {"labels": {"a": "b"}}})
    assert no_jobs_of_others in taken_over.refusal("delete", "job", "theirs")
    assert json.loads(bench.kubectl("get", "job", "theirs", "-o", "json"))["spec"]["suspend"] is True


def test_it_changes_no_spec(bench: Workbench, taken_over: Person) -> None:
    conversion = bench.conversion("kept", "https://models.invalid/1", suspend=True, serviceAccountName="default")
    # Of one that names no Secret, too.
    del conversion["spec"]["destination"]["s3"]["secretRef"]
    bench.create(conversion)
    changed = {"spec": {"model": {"handle": "https://attacker.example.com/1"}}}
    assert "the operator changes no spec" in taken_over.change("tflc", "kept", changed)
