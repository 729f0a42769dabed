"""The Job of an attempt, whole, beside the conversion that it is made of.

After a change that is meant: TFLITE_WRITE_GOLDEN=1 pytest tests/unit/operator/jobs/test_job.py, then read the diff.
"""

import os
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench.scale.largest import largest_spec
from tests.unit.operator.builders import SETTINGS, SPEC
from tflite_api.names import SIGNING_KEY_ENV, SIGNING_PASSWORD_ENV, STEP_REQUEST_ENV, VERIFYING_KEY_ENV
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import StepRequest
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import job_name
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import STEP_REQUEST_BYTES, build_cleanup, build_job, step_request
from tflite_operator.jobs.resources import resources_of
from tflite_operator.settings import ConverterResources, Settings

JOBS = Path(__file__).parent / "expected"
UID = "11111111-2222-3333-4444-555555555555"
SECRETS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


def built(given: dict[str, Any]) -> dict[str, Any]:
    identity = Identity("team", given["name"], UID, given.get("generation", 1))
    spec = ConversionSpec.from_object(given["spec"])
    return build_job(identity, spec, Attempt(given.get("attempt", 1), given.get("failures", 0)), SETTINGS)


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".input.yaml") for path in JOBS.glob("*.input.yaml")))
def test_the_job_is_as_written_down(name: str) -> None:
    job = built(yaml.safe_load((JOBS / f"{name}.input.yaml").read_text()))
    golden = JOBS / f"{name}.job.yaml"
    if os.environ.get("TFLITE_WRITE_GOLDEN"):
        golden.write_text(yaml.dump(job, sort_keys=False, width=120, Dumper=_WithoutAliases))
    assert job == yaml.safe_load(golden.read_text())


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def containers(**changes: Any) -> dict[str, dict[str, Any]]:
    pod = built({"name": "a", "spec": SPEC | changes})["spec"]["template"]["spec"]
    return {one["name"]: one for one in [*pod["initContainers"], *pod["containers"]]}


def test_the_container_that_runs_the_model_has_no_credentials() -> None:
    variables = {name: {one["name"] for one in container["env"]} for name, container in containers().items()}
    assert variables["convert"] & SECRETS == set()
    assert variables["prepare"] >= SECRETS
    assert variables["publish"] >= SECRETS


def test_the_key_that_signs_is_in_publish_alone_and_the_one_that_verifies_in_prepare() -> None:
    given = {name: container["env"] for name, container in containers(attestation={"secretRef": {"name": "k"}}).items()}
    references = {
        name: {
            one["name"]: one["valueFrom"]["secretKeyRef"]
            for one in variables
            if one.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "k"
        }
        for name, variables in given.items()
    }
    assert references == {
        "prepare": {VERIFYING_KEY_ENV: {"name": "k", "key": "cosign.pub", "optional": True}},
        "convert": {},
        "publish": {
            SIGNING_KEY_ENV: {"name": "k", "key": "cosign.key"},
            SIGNING_PASSWORD_ENV: {"name": "k", "key": "cosign.password", "optional": True},
        },
    }


def test_authorities_are_in_the_steps_that_talk_to_their_server_and_never_with_the_model() -> None:
    given = yaml.safe_load((JOBS / "private_stores.input.yaml").read_text())
    pod = built(given)["spec"]["template"]["spec"]
    cleanup = build_cleanup(Identity("team", "a", UID, 1), ConversionSpec.from_object(given["spec"]), SETTINGS)["spec"][
        "template"
    ]["spec"]
    mounted = {
        one["name"]: {
            mount["name"]: mount["mountPath"] for mount in one["volumeMounts"] if "authorities" in mount["name"]
        }
        for one in [*pod["initContainers"], *pod["containers"], *cleanup["containers"]]
    }
    destination = {"destination-authorities": "/etc/destination-authorities"}
    assert mounted == {
        "prepare": destination | {"model-authorities": "/etc/model-authorities"},
        "convert": {},
        "publish": destination,
        "cleanup": destination,
    }
    sources = [
        {one["name"]: one["configMap"] for one in seen["volumes"] if "configMap" in one} for seen in (pod, cleanup)
    ]
    of_destination = {"name": "storage-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    of_model = {"name": "training-ca", "items": [{"key": "bundle.pem", "path": "ca.crt"}]}
    assert sources == [
        {"destination-authorities": of_destination, "model-authorities": of_model},
        {"destination-authorities": of_destination},
    ]


@pytest.mark.parametrize(
    ("entries", "taken"),
    [
        ("AccessKey/SecretKey", {"ACCESS_KEY_ID": "AccessKey", "SECRET_ACCESS_KEY": "SecretKey"}),
        (
            "ACCESS_KEY_ID/ACCESS_SECRET_KEY",
            {
                "ACCESS_KEY_ID": "ACCESS_KEY_ID",
                "SECRET_ACCESS_KEY": "ACCESS_SECRET_KEY",
                "SESSION_TOKEN": "ACCESS_SESSION_TOKEN",
            },
        ),
    ],
)
def test_the_variables_of_a_key_are_taken_from_the_entries_that_the_spec_names(
    entries: str, taken: dict[str, str]
) -> None:
    model, theirs = {"name": "model", "entries": entries}, {"name": "theirs", "entries": entries}
    found = containers(
        model={"s3": {"bucket": "training", "key": "a.zip", "secretRef": model}},
        destination={"s3": {"bucket": "models", "key": "a.tflite", "secretRef": theirs}},
    )
    references = {
        name: {
            (one["valueFrom"]["secretKeyRef"]["name"], one["name"], one["valueFrom"]["secretKeyRef"]["key"])
            for one in container["env"]
            if "valueFrom" in one
        }
        for name, container in found.items()
    }
    destination = {("theirs", f"AWS_{name}", entry) for name, entry in taken.items()}
    of_model = {("model", f"MODEL_AWS_{name}", entry) for name, entry in taken.items()}
    assert references == {"prepare": destination | of_model, "convert": set(), "publish": destination}


def test_without_a_key_publish_has_no_variable_for_one() -> None:
    names = {one["name"] for one in containers(attestation={})["publish"]["env"]}
    assert names & {SIGNING_KEY_ENV, SIGNING_PASSWORD_ENV} == set()


def test_the_steps_are_told_which_run_of_which_image_they_are() -> None:
    for container in containers().values():
        told = next(one["value"] for one in container["env"] if one["name"] == STEP_REQUEST_ENV)
        invocation = StepRequest.model_validate_json(told).invocation
        assert invocation is not None
        assert (invocation.id, invocation.image) == (f"{UID}/1/1", SETTINGS.converter_image)


def expanded(value: str, known: dict[str, str]) -> str:
    """Put variables in the place of $(NAME) as the kubelet does: third_party/forked/golang/expansion of Kubernetes."""

    def put(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else known.get(found[1], found[0])

    return re.sub(r"\$(?:\$|\(([^)]*)\))", put, value)


def test_variables_are_expanded_as_the_kubelet_does() -> None:
    known = {"A": "secret"}
    assert [expanded(text, known) for text in ("$(A)", "$$(A)", "$$$(A)", "$(B)", "$A$")] == [
        "secret", "$(A)", "$secret", "$(B)", "$A$"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["$(AWS_SECRET_ACCESS_KEY)/$$(HOME)", "$", "$$", "$$$", "a$$$$(HOME)$", "$(", "$web/m"]
)
def test_a_spec_cannot_have_the_kubelet_put_credentials_into_the_request(path: str) -> None:
    spec = SPEC | {"model": {"handle": f"https://evil.example.com/{path}"}}
    pod = built({"name": "a", "spec": spec})["spec"]["template"]["spec"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        told = next(one["value"] for one in container["env"] if one["name"] == STEP_REQUEST_ENV)
        shown = expanded(told, {"AWS_SECRET_ACCESS_KEY": "secret", "HOME": "/tmp"})
        assert StepRequest.model_validate_json(shown).spec == ConversionSpec.from_object(spec)


def test_the_largest_spec_that_the_schema_accepts_fits_into_what_the_steps_are_told() -> None:
    spec = ConversionSpec.from_object(largest_spec())
    settings = Settings(converter_image="i" * 512, cluster_id="c" * 63)
    longest = Identity(namespace="n" * 63, name="c" * 253, uid=UUID(int=0).hex, generation=2**53)
    told = step_request(longest, spec, settings, Attempt(number=10**9, forced=True))
    assert 0.85 * STEP_REQUEST_BYTES < len(told.encode()) < STEP_REQUEST_BYTES


def test_convert_can_write_nothing_that_publish_could_trip_over_but_the_output() -> None:
    writable = {
        name: {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        for name, container in containers().items()
    }
    assert writable == {
        "prepare": {"model", "scratch-prepare"},
        "convert": {"output", "scratch-convert"},
        "publish": {"scratch-publish"},
    }


def holders(job: dict[str, Any], variable: str) -> set[str]:
    """The containers that are told a variable."""
    pod = job["spec"]["template"]["spec"]
    containers = [*pod["initContainers"], *pod["containers"]]
    return {one["name"] for one in containers if any(told["name"] == variable for told in one["env"])}


def test_the_credentials_of_the_model_s_source_are_for_prepare_alone() -> None:
    source = {"s3": {"bucket": "models", "key": "a.zip", "secretRef": {"name": "models-reader"}}}
    job = built({"name": "a", "spec": SPEC | {"model": source}})
    for key in SECRETS:
        assert holders(job, f"MODEL_{key}") == {"prepare"}
        assert holders(job, key) == {"prepare", "publish"}
    told = next(one for one in job["spec"]["template"]["spec"]["initContainers"] if one["name"] == "prepare")["env"]
    reference = next(one for one in told if one["name"] == "MODEL_AWS_ACCESS_KEY_ID")["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "models-reader", "key": "AWS_ACCESS_KEY_ID"}


def test_the_credentials_of_kaggle_are_for_prepare_alone() -> None:
    source = {"kaggle": {"handle": "a/b/tensorFlow2/c/1", "secretRef": {"name": "kaggle"}}}
    job = built({"name": "a", "spec": SPEC | {"model": source}})
    for key in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        assert holders(job, key) == {"prepare"}


def test_a_public_bucket_takes_no_credentials() -> None:
    job = built({"name": "a", "spec": SPEC | {"model": {"s3": {"bucket": "models", "key": "a.zip"}}}})
    assert holders(job, "MODEL_AWS_ACCESS_KEY_ID") == set()


def test_the_model_s_volume_is_for_prepare_alone_and_read_only() -> None:
    pod = built({"name": "a", "spec": SPEC | {"model": {"volume": {"claimName": "models"}}}})["spec"]["template"][
        "spec"
    ]
    [volume] = [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
    assert volume["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}
    mounts = {
        one["name"]: mount
        for one in [*pod["initContainers"], *pod["containers"]]
        for mount in one["volumeMounts"]
        if mount["name"] == volume["name"]
    }
    assert mounts == {"prepare": {"name": volume["name"], "mountPath": "/volume", "readOnly": True}}


@pytest.mark.parametrize(
    ("resources", "requests", "limits"),
    [
        ({}, {"cpu": "500m", "memory": "2Gi"}, {"memory": "4Gi"}),
        ({"limits": {"memory": "300Mi"}}, {"cpu": "500m", "memory": "300Mi"}, {"memory": "300Mi"}),
        ({"requests": {"memory": "8Gi"}}, {"memory": "8Gi", "cpu": "500m"}, {"memory": "8Gi"}),
        ({"limits": {"cpu": "100m"}}, {"cpu": "100m", "memory": "2Gi"}, {"cpu": "100m", "memory": "4Gi"}),
    ],
)
def test_defaults_never_contradict_what_the_user_wrote(
    resources: dict[str, Any], requests: dict[str, str], limits: dict[str, str]
) -> None:
    made = built({"name": "a", "spec": SPEC | {"resources": resources}})
    convert = made["spec"]["template"]["spec"]["initContainers"][1]
    assert convert["resources"] == {"requests": requests, "limits": limits}


def test_each_container_has_what_its_spec_says_then_what_the_administrator_says() -> None:
    given = {"prepare": {"requests": {"cpu": "200m"}}, "publish": {"limits": {"cpu": "2", "memory": "64Mi"}}}
    said = {"prepare": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}, "convert": {"limits": {"cpu": "3"}}}
    settings = SETTINGS.model_copy(update={"converter_resources": ConverterResources.from_object(said)})
    spec = ConversionSpec.from_object(SPEC | {"stepResources": given})
    assert resources_of("prepare", spec, settings) == {
        "requests": {"cpu": "200m", "memory": "128Mi"},
        "limits": {"cpu": "1", "memory": "256Mi"},
    }
    assert resources_of("publish", spec, settings) == {
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "limits": {"cpu": "2", "memory": "64Mi"},
    }
    assert resources_of("convert", spec, settings)["limits"] == {"cpu": "3", "memory": "4Gi"}
    assert resources_of("cleanup", spec, settings)["requests"] == {"cpu": "100m", "memory": "128Mi"}


def test_what_the_administrator_says_does_not_contradict_the_spec() -> None:
    said = {"convert": {"requests": {"cpu": "4"}, "limits": {"cpu": "4"}}}
    settings = SETTINGS.model_copy(update={"converter_resources": ConverterResources.from_object(said)})
    low = ConversionSpec.from_object(SPEC | {"resources": {"limits": {"cpu": "1"}}})
    assert resources_of("convert", low, settings)["requests"]["cpu"] == "1"
    high = ConversionSpec.from_object(SPEC | {"resources": {"requests": {"cpu": "8"}}})
    assert resources_of("convert", high, settings)["limits"]["cpu"] == "8"


@given(
    st.from_regex(r"\A[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?\Z"),
    st.integers(1, 10**9),
    st.integers(1, 10**6),
)
def test_every_name_is_a_label_and_each_attempt_has_its_own(name: str, generation: int, attempt: int) -> None:
    identity = Identity("team", name, UID, generation)
    made = job_name(identity, attempt)
    assert len(made) <= 63
    assert all(part.isalnum() or part == "-" for part in made)
    assert made[0].isalnum()
    assert made[-1].isalnum()
    assert made == job_name(identity, attempt)
    assert made != job_name(identity, attempt + 1)
    assert made != job_name(Identity("team", name, UID, generation + 1), attempt)
    assert made != job_name(Identity("team", name, "other", generation), attempt)


def test_a_service_account_stands_for_credentials_in_the_containers_that_need_them_and_no_other() -> None:
    spec = yaml.safe_load((JOBS / "smallest.input.yaml").read_text())["spec"]
    del spec["destination"]["s3"]["secretRef"]
    spec["destination"]["s3"]["roleARN"] = "arn:aws:iam::123456789012:role/converter"
    job = built({"name": "a", "spec": spec | {"serviceAccountName": "converter"}})
    template = job["spec"]["template"]
    assert template["spec"]["serviceAccountName"] == "converter"
    assert template["spec"]["automountServiceAccountToken"] is False
    [token] = [volume for volume in template["spec"]["volumes"] if "projected" in volume]
    [source] = token["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "sts.amazonaws.com"
    containers = [*template["spec"]["initContainers"], *template["spec"]["containers"]]
    holders = {one["name"] for one in containers for mount in one["volumeMounts"] if mount["name"] == token["name"]}
    told = {one["name"] for one in containers for variable in one["env"] if variable["name"].startswith("AWS_")}
    assert holders == told == {"prepare", "publish"}
    # Amazon EKS would else mount a token of its own into the container of the model.
    assert template["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"] == "convert"


def test_a_secret_is_enough_where_a_service_account_is_named_for_another_reason() -> None:
    spec = yaml.safe_load((JOBS / "smallest.input.yaml").read_text())["spec"]
    job = built({"name": "a", "spec": spec | {"serviceAccountName": "converter"}})
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "converter"
    assert not any("projected" in volume for volume in job["spec"]["template"]["spec"]["volumes"])
