"""The policy on the operator's own account lets it make every Job that it builds; tests/e2e/attacks has the others."""

import copy
from collections.abc import Callable
from typing import Any, get_args

import pytest
import yaml

from tests.apiserver.fixtures.admin import Object
from tests.apiserver.fixtures.control_plane import ACCOUNT, ControlPlane
from tests.apiserver.fixtures.people import policies, somebody
from tests.apiserver.fixtures.waiting import until
from tests.apiserver.fixtures.workbench import Workbench
from tests.attacks.foreign_code import FOREIGN_CODE
from tests.attacks.foreign_config_maps import FOREIGN_CONFIG_MAPS, any_config_map
from tests.attacks.stolen_keys import STOLEN_KEYS
from tests.programs.installers import of_chart, one
from tests.unit.operator.jobs.test_job import JOBS
from tflite_api.names import FINALIZER, REQUESTED_AT_ANNOTATION
from tflite_api.resource.spec import ConversionSpec
from tflite_api.s3_secret import S3Entries
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import ATTEMPT_ANNOTATION, CONVERSION_LABEL
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_cleanup, build_job
from tflite_operator.settings import Settings

VALUES: dict[str, Object] = {
    "defaults": {},
    "a closed network": {
        "imagePullSecrets": ["registry", "mirror"],
        "certificateAuthorities": {"configMap": "own", "key": "bundle.pem"},
        "proxy": {"http": "http://proxy:3128", "https": "http://proxy:3128", "noProxy": [".svc", "10.0.0.1"]},
    },
    "a proxy with a password": {"proxy": {"secretName": "proxy", "noProxy": [".svc"]}},
    "another image": {"converterImage": {"repository": "reg.example.com:5000/c", "digest": f"sha256:{'a' * 64}"}},
}
IMAGE = "ghcr.io/tflite-operator/converter:0.1.0"
"""The chart's default."""
SETTINGS = {"LEASE_NAMESPACE": "system", "CLUSTER_ID": "tests"}
SPECS = sorted(path.name.removesuffix(".input.yaml") for path in JOBS.glob("*.input.yaml"))
ELSEWHERE: Object = {
    "model": {"volume": {"claimName": "models", "path": "m"}},
    "destination": {"s3": {"bucket": "models", "key": "k.tflite", "roleARN": "arn:aws:iam::123456789012:role/a"}},
    "serviceAccountName": "uploader",
}


def specs() -> list[Object]:
    written = [yaml.safe_load((JOBS / f"{name}.input.yaml").read_text())["spec"] for name in SPECS]
    return [*written, ELSEWHERE, *map(with_entries, get_args(S3Entries))]


def smallest_job(namespace: str) -> Object:
    """Return the Job that the operator builds for the smallest spec."""
    spec = ConversionSpec.from_object(yaml.safe_load((JOBS / "smallest.input.yaml").read_text())["spec"])
    identity = Identity(namespace, "taken", "11111111-2222-3333-4444-555555555555", 1)
    return build_job(identity, spec, Attempt(1), Settings(converter_image=IMAGE, cluster_id="tests"))


def with_entries(entries: str) -> Object:
    """Return a spec whose Secrets have entries with these names."""
    secret = {"secretRef": {"name": "theirs", "entries": entries}}
    return {
        "model": {"s3": {"bucket": "training", "key": "m.zip"} | secret},
        "destination": {"s3": {"bucket": "models", "key": "k.tflite"} | secret},
    }


MARKS: dict[str, Object] = {
    "no label of a converter": {"labels": {"app.kubernetes.io/name": None}},
    "another label": {"labels": {"app.kubernetes.io/managed-by": "me"}},
    "another conversion's label": {"labels": {CONVERSION_LABEL: "victim"}},
    "a conversion's annotation": {"annotations": {ATTEMPT_ANNOTATION: "7"}},
    "no confinement": {"annotations": {"container.apparmor.security.beta.kubernetes.io/convert": "unconfined"}},
    "credentials by a label": {"labels": {"azure.workload.identity/use": "true"}},
    "credentials by an annotation": {"annotations": {"vault.hashicorp.com/agent-inject": "true"}},
    "another proxy's image": {"annotations": {"sidecar.istio.io/proxyImage": "attacker.example.com/proxy:1"}},
    "a Secret beside a proxy": {"annotations": {"sidecar.istio.io/userVolume": '{"s": {"secret": {}}}'}},
    "other programs in each container": {"annotations": {"instrumentation.opentelemetry.io/inject-python": "evil/all"}},
    "tokens of Amazon EKS": {"annotations": {"eks.amazonaws.com/skip-containers": None}},
    "tokens of Amazon EKS in the model's container": {"annotations": {"eks.amazonaws.com/skip-containers": "publish"}},
}


def with_marks(job: Object, changes: Object) -> Object:
    """Return a Job whose pods have other marks; None takes one away."""
    made = copy.deepcopy(job)
    found = made["spec"]["template"]["metadata"]
    for kind, entries in changes.items():
        found[kind] = {name: value for name, value in {**found[kind], **entries}.items() if value is not None}
    return made


def test_it_gives_pods_no_marks_but_those_that_a_conversion_may_have(plane: ControlPlane, bench: Workbench) -> None:
    settings = Settings(converter_image="ghcr.io/tflite-operator/converter:0.1.0", cluster_id="tests")
    identity = Identity(bench.namespace, "marked", "11111111-2222-3333-4444-555555555555", 1)
    operator = somebody(plane, ACCOUNT, bench.namespace)
    free = {"labels": {"team": "a"}, "annotations": {"sidecar.istio.io/inject": "false"}}
    job = build_job(identity, ConversionSpec.from_object(ELSEWHERE | {"podMetadata": free}), Attempt(1), settings)

    # The namespace's default ServiceAccount may stand for a role as well.
    nobody = copy.deepcopy(job)
    del nobody["spec"]["template"]["spec"]["serviceAccountName"]

    def refusal(case: str, made: Object = job) -> str:
        return operator.create(operator.jobs, with_marks(made, MARKS[case]), dry=True)

    with policies(plane.admin, bench.namespace):
        until("this policy is in force, too", lambda: refusal("another label") != "")
        assert operator.create(operator.jobs, job, dry=True) == ""
        said = {case: refusal(case) for case in MARKS}
        assert "convert" in refusal("tokens of Amazon EKS", nobody)
    assert [case for case, words in said.items() if "operator.tflite-operator.dev" not in words] == [], said
    operator.close()


@pytest.mark.parametrize("case", VALUES)
def test_it_makes_every_job_that_it_builds(plane: ControlPlane, bench: Workbench, tmp_path: Any, case: str) -> None:
    objects = of_chart(VALUES[case], tmp_path)
    settings = Settings.from_environment(one(objects, "ConfigMap")["data"] | SETTINGS)
    operator = somebody(plane, ACCOUNT, bench.namespace)
    with policies(plane.admin, bench.namespace, objects):
        for number, written in enumerate(specs()):
            spec = ConversionSpec.from_object(written)
            identity = Identity(bench.namespace, f"made-{number}", "11111111-2222-3333-4444-555555555555", 1)
            for job in (
                build_job(identity, spec, Attempt(1, 0, "now", True), settings),
                build_cleanup(identity, spec, settings),
            ):
                path = f"{operator.jobs}/{job['metadata']['name']}"
                assert operator.create(operator.jobs, job) == "", f"{case}, {written}"
                assert operator.patch(path, {"spec": {"ttlSecondsAfterFinished": 60}}) == ""
                assert operator.delete(path) == ""
    operator.close()


def test_it_uses_no_entries_of_secrets_but_those_of_keys_and_no_config_maps_but_as_authorities(
    plane: ControlPlane, bench: Workbench
) -> None:
    job = smallest_job(bench.namespace)
    operator = somebody(plane, ACCOUNT, bench.namespace)

    def refusal(wanted: Object) -> str:
        return operator.create(operator.jobs, wanted, dry=True)

    orphan = job | {"metadata": {**job["metadata"], "ownerReferences": []}}
    with policies(plane.admin, bench.namespace):
        until("the policy is in force", lambda: "no Jobs but those of conversions" in refusal(orphan))
        assert refusal(job) == ""
        for change in STOLEN_KEYS:
            changed = copy.deepcopy(job)
            change(changed)
            assert "the operator gives no variables to its containers but" in refusal(changed), change.__name__
        for change in FOREIGN_CONFIG_MAPS:
            changed = copy.deepcopy(job)
            change(changed)
            assert "the operator mounts nothing but" in refusal(changed), change.__name__
    operator.close()


def test_it_runs_no_code_beside_credentials_but_the_converters_and_sends_them_nowhere(
    plane: ControlPlane, bench: Workbench
) -> None:
    job = smallest_job(bench.namespace)
    operator = somebody(plane, ACCOUNT, bench.namespace)

    def refusal(change: Callable[[Object], None]) -> str:
        changed = copy.deepcopy(job)
        change(changed)
        return operator.create(operator.jobs, changed, dry=True)

    with policies(plane.admin, bench.namespace):
        until("the policy is in force", lambda: "operator.tflite-operator.dev" in refusal(any_config_map))
        assert operator.create(operator.jobs, job, dry=True) == ""
        said = {change.__name__: refusal(change) for change in FOREIGN_CODE}
    assert [name for name, words in said.items() if "operator.tflite-operator.dev" not in words] == [], said
    operator.close()


OF_CONVERSIONS: list[Object] = [
    {"spec": {"suspend": True}},
    {"metadata": {"labels": {"app": "mine"}}},
    {"metadata": {"annotations": {REQUESTED_AT_ANNOTATION: "now"}}},
    {"metadata": {"finalizers": ["example.com/theirs", "example.com/another"]}},
    {"metadata": {"finalizers": []}},
    {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1"}]}},
]
"""The last has the garbage collector delete the conversion."""


def test_of_a_conversion_it_writes_its_own_finalizer_alone(plane: ControlPlane, bench: Workbench) -> None:
    theirs = ["example.com/theirs"]
    bench.create("kept", {"finalizers": theirs, "labels": {"app": "theirs"}}, {"serviceAccountName": "default"})
    operator = somebody(plane, ACCOUNT, bench.namespace)
    path = f"{bench.conversions}/kept"
    with policies(plane.admin, bench.namespace):
        until("the policy is in force", lambda: "changes no spec" in operator.patch(path, OF_CONVERSIONS[0]))
        said = {str(change): operator.patch(path, change) for change in OF_CONVERSIONS}
        assert operator.patch(path, {"metadata": {"finalizers": [*theirs, FINALIZER]}}) == ""
        assert operator.patch(path, {"metadata": {"finalizers": theirs}}) == ""
    assert [change for change, words in said.items() if "changes no spec" not in words] == [], said
    bench.patch("kept", {"metadata": {"finalizers": None}})
    operator.close()
