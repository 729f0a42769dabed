"""The Helm chart by itself: its values, and what it says of wrong ones."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.generate import chart_values
from dev.generate.manifests import CHART, ROOT, rendered
from tests import manifests
from tests.programs.installers import Object, helm, of_chart, one, refusal
from tflite_operator.settings import Settings


def test_helm_finds_no_fault_with_it() -> None:
    said = helm("lint", "--strict", str(CHART)).stdout
    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


def test_it_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version
    assert f":{version}\n" in (ROOT / "deploy/base/deployment.yaml").read_text()
    assert f":{version}\n" in (ROOT / "deploy/base/kustomization.yaml").read_text()


WRONG: dict[str, tuple[Object, tuple[str, ...]]] = {
    "unknown": ({"replicaCount": 3}, ("replicaCount",)),
    "unknown below": ({"image": {"name": "a"}}, ("/image", "name")),
    "unknown setting": ({"settings": {"converterImage": "a"}}, ("/settings", "converterImage")),
    "of another kind": ({"replicas": "two"}, ("/replicas", "want integer")),
    "a list of another kind": ({"watchNamespaces": "team"}, ("/watchNamespaces", "want array")),
    "no name of a namespace": ({"watchNamespaces": ["Team A"]}, ("/watchNamespaces/0", "Team A")),
    "no digest": ({"image": {"digest": "latest"}}, ("/image/digest", "latest")),
    "a tag in the repository": ({"image": {"repository": "a b"}}, ("/image/repository", "a b")),
    "a proxy with a password": ({"proxy": {"https": "http://me:secret@proxy"}}, ("/proxy/https", "pattern")),
    "two proxies": (
        {"proxy": {"https": "http://proxy:1", "secretName": "proxy"}},
        ("proxy.secretName", "proxy.https", "set it or them"),
    ),
    "two that work at once": (
        {"settings": {"leaderElection": False}},
        ("replicas", "settings.leaderElection", "set replicas to 1"),
    ),
    "too small": ({"settings": {"workers": 0}}, ("/settings/workers", "minimum")),
    "a word that is none of the choices": ({"spreadOverNodes": "Never"}, ("/spreadOverNodes", "DoNotSchedule")),
    "a label without a key": (
        {"admissionPolicy": {"allowed": {"podLabels": ["=a"]}}},
        ("/admissionPolicy/allowed/podLabels/0", "=a"),
    ),
    "a value that a list cannot hold": (
        {"admissionPolicy": {"allowed": {"podAnnotations": ["note=a,b"]}}},
        ("/admissionPolicy/allowed/podAnnotations/0", "note=a,b"),
    ),
    "a topology key with a value": (
        {"admissionPolicy": {"allowed": {"topologyKeys": ["zone=a"]}}},
        ("/admissionPolicy/allowed/topologyKeys/0", "zone=a"),
    ),
    "the label that Services know the operator by": ({"podLabels": {"app.kubernetes.io/name": "a"}}, ("/podLabels",)),
    "an annotation of ours": ({"podAnnotations": {"checksum/settings": "a"}}, ("/podAnnotations",)),
    "a label that is no text": ({"podLabels": {"cost-center": 42}}, ("/podLabels/cost-center", "want string")),
    "a toleration with a wrong word": ({"tolerations": [{"effect": "Never"}]}, ("/tolerations/0/effect", "NoExecute")),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_named(case: str, tmp_path: Path) -> None:
    values, words = WRONG[case]
    said = refusal(values, tmp_path)
    assert [word for word in words if word not in said] == [], said


def test_values_that_the_documentation_shows_are_taken(tmp_path: Path) -> None:
    blocks = [block.content for block in manifests.shown() if block.is_values]
    assert len(blocks) >= 3
    for block in blocks:
        assert one(of_chart(block, tmp_path), "Deployment")


def settings_of(objects: list[Object]) -> dict[str, str]:
    data: dict[str, str] = one(objects, "ConfigMap")["data"]
    return data


OBJECTS: dict[str, Object] = {
    "converterNodeSelector": {"kubernetes.io/arch": "arm64"},
    "converterResources": {"publish": {"limits": {"memory": "2Gi"}}},
    "converterAffinity": {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}
    },
    "converterPodLabels": {"sidecar.istio.io/inject": "false"},
    "converterPodAnnotations": {"linkerd.io/inject": "disabled"},
}


def example(name: str, said: dict[str, Any]) -> object:
    """Return another value than the default that fits a setting's schema."""
    if said["type"] == "boolean":
        return not said["default"]
    if said["type"] == "array":
        return [{"operator": "Exists"}]
    if said["type"] == "object":
        return OBJECTS[name]
    return said["default"] + 1 if said["type"] in {"integer", "number"} else "debug"


def test_every_setting_of_the_operator_can_be_set_and_is_understood(tmp_path: Path) -> None:
    wanted = {name: example(name, said) for name, said in chart_values.settings_schema().items()}
    data = settings_of(of_chart({"settings": wanted, "watchNamespaces": ["a", "b"]}, tmp_path))
    read = Settings.from_environment(data | {"LEASE_NAMESPACE": "system"})
    default = Settings.from_environment({"CONVERTER_IMAGE": "ghcr.io/tflite-operator/converter:0.1.0"})
    # Those that have values of their own are held against kustomize's literals (test_installers.py).
    unchanged = {name for name in Settings.model_fields if getattr(read, name) == getattr(default, name)}
    own = {name for name in chart_values.OTHER_VALUES if name != "watch_namespaces"}
    assert unchanged == {"http_port", "lease_name"} | own
    assert read.max_archive_bytes == default.max_archive_bytes + 1


def test_every_setting_has_a_value_or_a_reason_for_having_none() -> None:
    elsewhere = chart_values.OTHER_VALUES | chart_values.FIXED
    assert elsewhere <= set(Settings.model_fields)
    assert len(chart_values.settings_schema()) + len(elsewhere) == len(Settings.model_fields)


def test_the_schema_and_the_readme_say_what_there_is() -> None:
    outdated = [str(path) for path, text in chart_values.written(CHART).items() if path.read_text() != text]
    assert outdated == [], "python -m dev.generate.manifests"
    page = (CHART / "README.md").read_text()
    for name in ("image.digest", "settings.retryBaseSeconds", "networkPolicies.converterNamespaces"):
        assert f"\n| `{name}` | " in page


def test_other_settings_replace_the_pods(tmp_path: Path) -> None:
    sums = {
        one(of_chart({"settings": settings}, tmp_path), "Deployment")["spec"]["template"]["metadata"]["annotations"][
            "checksum/settings"
        ]
        for settings in ({}, {"workers": 9})
    }
    assert len(sums) == 2


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "ghcr.io/tflite-operator/operator:0.1.0"),
        ({"tag": "v2"}, "ghcr.io/tflite-operator/operator:v2"),
        ({"digest": f"sha256:{'a' * 64}"}, f"ghcr.io/tflite-operator/operator@sha256:{'a' * 64}"),
        ({"tag": "v2", "digest": f"sha256:{'a' * 64}"}, f"ghcr.io/tflite-operator/operator:v2@sha256:{'a' * 64}"),
    ],
)
def test_an_image_is_named_by_its_digest_where_there_is_one(image: Object, expected: str, tmp_path: Path) -> None:
    deployment = one(of_chart({"image": image}, tmp_path), "Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == expected


def test_one_operator_without_a_lease_ends_before_the_next_begins(tmp_path: Path) -> None:
    values = {"replicas": 1, "settings": {"leaderElection": False}}
    assert one(of_chart(values, tmp_path), "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_the_operators_pods_have_the_labels_and_annotations_that_a_cluster_asks_for(tmp_path: Path) -> None:
    values = {"podLabels": {"cost-center": "42"}, "podAnnotations": {"sidecar.istio.io/inject": "false"}}
    plain, more = (one(of_chart(each, tmp_path), "Deployment")["spec"] for each in ({}, values))
    known, told = plain["template"]["metadata"], more["template"]["metadata"]
    assert told["labels"] == {**known["labels"], "cost-center": "42"}
    assert told["annotations"] == {**known["annotations"], "sidecar.istio.io/inject": "false"}
    # It cannot be changed in a Deployment that is there.
    assert more["selector"] == plain["selector"]


def test_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    named = ["12345", "true"]
    objects = of_chart({"watchNamespaces": named, "imagePullSecrets": named}, tmp_path)
    bound = {made["metadata"]["namespace"] for made in objects if made["kind"] == "RoleBinding"}
    assert set(named) <= bound
    pulled = one(objects, "Deployment")["spec"]["template"]["spec"]["imagePullSecrets"]
    assert [secret["name"] for secret in pulled] == named


def test_what_can_be_left_out_is_left_out(tmp_path: Path) -> None:
    kinds = {
        made["kind"] for made in of_chart({"crd": {"install": False}, "admissionPolicy": {"enabled": False}}, tmp_path)
    }
    assert not kinds & {
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ServiceMonitor",
        "PrometheusRule",
        "NetworkPolicy",
    }


def test_where_the_cluster_has_an_id_no_namespace_is_read(tmp_path: Path) -> None:
    for settings, expected in (({}, 1), ({"clusterId": "production-eu"}, 0)):
        made = of_chart({"settings": settings}, tmp_path)
        roles = [role for role in made if role["metadata"]["name"] == "tflite-operator-cluster-id"]
        assert [role["kind"] for role in roles] == ["ClusterRole", "ClusterRoleBinding"] * expected


def test_a_release_lives_in_the_namespace_that_it_is_given() -> None:
    assert "tflite-operator-system" not in rendered(
        "--namespace", "elsewhere", "--set", "networkPolicies.operator=true"
    )
