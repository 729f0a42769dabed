"""The Helm chart and the kustomizations install the same objects: rendered by the real Helm and kustomize."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from dev.generate.manifests import CHART, ROOT, copies, generated
from tests import manifests
from tests.programs.installers import Object, of_chart, of_kustomization, one

SYSTEM = "tflite-operator-system"
DIGEST = "sha256:" + "0123456789abcdef" * 4
ALIKE: dict[str, tuple[Object, Object]] = {
    "as it is": ({}, {"resources": ["deploy"]}),
    "cluster-wide": ({}, {"resources": ["deploy/overlays/cluster-wide"]}),
    "namespaced": ({"watchNamespaces": ["team"]}, {"resources": ["deploy/overlays/namespaced"]}),
    "ha": ({"replicas": 3, "spreadOverNodes": "DoNotSchedule"}, {"resources": ["deploy/overlays/ha"]}),
    "with what is optional": (
        {"monitoring": {"enabled": True}, "networkPolicies": {"operator": True}},
        {"resources": ["deploy", "deploy/monitoring", "deploy/network_policies/operator"]},
    ),
    "with other images and settings": (
        {
            "image": {"repository": "registry.example.com:5000/operator", "tag": "v1"},
            "converterImage": {"repository": "registry.example.com/converter", "digest": DIGEST},
            "settings": {"maxArchiveBytes": 34359738368, "retryBaseSeconds": 2.5, "logLevel": "debug"},
        },
        {
            "resources": ["deploy"],
            "transformers": ["deploy/policy_settings"],
            "images": [
                {
                    "name": "ghcr.io/tflite-operator/operator",
                    "newName": "registry.example.com:5000/operator",
                    "newTag": "v1",
                }
            ],
            "configMapGenerator": [
                {
                    "name": "tflite-operator",
                    "namespace": SYSTEM,
                    "behavior": "merge",
                    "literals": [
                        f"CONVERTER_IMAGE=registry.example.com/converter@{DIGEST}",
                        "MAX_ARCHIVE_BYTES=34359738368",
                        "RETRY_BASE_SECONDS=2.5",
                        "LOG_LEVEL=debug",
                    ],
                }
            ],
        },
    ),
    "with a way out of a closed network": (
        {
            "imagePullSecrets": ["registry"],
            "proxy": {"http": "http://proxy:3128", "https": "http://proxy:3128", "noProxy": ["minio.svc", "10.0.0.1"]},
            "certificateAuthorities": {"configMap": "authorities", "key": "bundle.pem"},
        },
        {
            "resources": ["deploy"],
            "transformers": ["deploy/policy_settings"],
            "patches": [
                {
                    "target": {"kind": "Deployment", "name": "tflite-operator"},
                    "patch": yaml.safe_dump(
                        [
                            {
                                "op": "add",
                                "path": "/spec/template/spec/imagePullSecrets",
                                "value": [{"name": "registry"}],
                            }
                        ]
                    ),
                }
            ],
            "configMapGenerator": [
                {
                    "name": "tflite-operator",
                    "namespace": SYSTEM,
                    "behavior": "merge",
                    "literals": [
                        "CONVERTER_PULL_SECRETS=registry",
                        "CONVERTER_HTTP_PROXY=http://proxy:3128",
                        "CONVERTER_HTTPS_PROXY=http://proxy:3128",
                        "CONVERTER_NO_PROXY=minio.svc,10.0.0.1",
                        "CONVERTER_CA_CONFIG_MAP=authorities",
                        "CONVERTER_CA_KEY=bundle.pem",
                    ],
                }
            ],
        },
    ),
    "with places for everybody": (
        {
            "admissionPolicy": {
                "allowed": {
                    "priorityClasses": ["low", "batch"],
                    "nodeLabels": ["pool=converters"],
                    "tolerations": ["dedicated=converters:NoSchedule"],
                    "runtimeClasses": ["gvisor"],
                    "topologyKeys": ["topology.kubernetes.io/zone"],
                    "podLabels": ["cost-center", "sidecar.istio.io/inject=false"],
                    "podAnnotations": ["linkerd.io/inject=disabled"],
                }
            }
        },
        {
            "resources": ["deploy"],
            "transformers": ["deploy/policy_settings"],
            "configMapGenerator": [
                {
                    "name": "tflite-operator",
                    "namespace": SYSTEM,
                    "behavior": "merge",
                    "literals": [
                        "ALLOWED_PRIORITY_CLASSES=low,batch",
                        "ALLOWED_NODE_LABELS=pool=converters",
                        "ALLOWED_TOLERATIONS=dedicated=converters:NoSchedule",
                        "ALLOWED_RUNTIME_CLASSES=gvisor",
                        "ALLOWED_TOPOLOGY_KEYS=topology.kubernetes.io/zone",
                        "ALLOWED_POD_LABELS=cost-center,sidecar.istio.io/inject=false",
                        "ALLOWED_POD_ANNOTATIONS=linkerd.io/inject=disabled",
                    ],
                }
            ],
        },
    ),
}
"""Values of the chart, and the kustomization that says the same."""

Named = dict[tuple[str, str, str], Object]


def by_name(objects: list[Object]) -> Named:
    named = {(made["kind"], made["metadata"].get("namespace", ""), made["metadata"]["name"]): made for made in objects}
    assert len(named) == len(objects)
    return named


def without_helms_own(objects: list[Object]) -> Named:
    """Take away what stands for kustomize's hash, and what keeps the resource when the release goes."""
    made = copy.deepcopy(objects)
    del one(made, "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
    resource = one(made, "CustomResourceDefinition", "tfliteconversions.tflite-operator.dev")["metadata"]
    assert resource.pop("annotations") == {"helm.sh/resource-policy": "keep"}
    return by_name(made)


def without_kustomizes_own(objects: list[Object]) -> Named:
    """Take away the hash of the settings' name, settings without a value, which are none, and the namespace.

    A release's namespace is there before it, and what the policies alone read is no setting of the operator's.
    """
    made = [made for made in copy.deepcopy(objects) if made["kind"] != "Namespace"]
    [container] = one(made, "Deployment")["spec"]["template"]["spec"]["containers"]
    [source] = container["envFrom"]
    hashed = source["configMapRef"]["name"]
    assert re.fullmatch(r"tflite-operator-[a-z0-9]{10}", hashed)
    settings = one(made, "ConfigMap", hashed)
    settings["metadata"]["name"] = source["configMapRef"]["name"] = "tflite-operator"
    data = settings["data"].items()
    settings["data"] = {name: value for name, value in data if value and not name.startswith("ALLOWED_")}
    return by_name(made)


@pytest.mark.parametrize("case", ALIKE)
def test_both_make_the_same_objects(case: str, tmp_path: Path) -> None:
    values, kustomization = ALIKE[case]
    chart = without_helms_own(of_chart(values, tmp_path))
    base = without_kustomizes_own(of_kustomization(kustomization, tmp_path))
    assert sorted(chart) == sorted(base)
    for name, made in chart.items():
        assert made == base[name], name


def test_what_the_examples_of_flux_and_argo_cd_name_is_what_runs(tmp_path: Path) -> None:
    """Flux adds its images and patches to a kustomization of the path; it and Argo CD give their values to Helm."""
    flux, release, argo = (
        next(
            one.content for one in manifests.shown() if one.place.startswith(place) and is_of_the_operator(one.content)
        )
        for place in (
            "examples/gitops/flux-kustomization.yaml",
            "examples/gitops/flux-helm-release.yaml",
            "examples/gitops/argocd-operator.yaml",
        )
    )
    spec = flux["spec"]
    built = of_kustomization(
        {"resources": [spec["path"]], "images": spec["images"], "patches": spec["patches"]}, tmp_path
    )
    rendered = of_chart(argo["spec"]["source"]["helm"]["valuesObject"], tmp_path)
    assert argo["spec"]["source"]["path"] == str(CHART.relative_to(ROOT))
    assert release["spec"]["values"] == argo["spec"]["source"]["helm"]["valuesObject"]
    assert release["spec"]["chart"]["spec"]["chart"] == f"./{CHART.relative_to(ROOT)}"
    assert without_kustomizes_own(built) == without_helms_own(rendered)
    [container] = one(rendered, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example.com/tflite-operator@sha256:{'0' * 64}"


def is_of_the_operator(content: Object) -> bool:
    return content["metadata"]["name"] == "tflite-operator" and content["kind"] in {
        "Application",
        "HelmRelease",
        "Kustomization",
    }


def test_a_policy_for_converters_is_the_same_in_each_of_their_namespaces(tmp_path: Path) -> None:
    plain = of_chart({}, tmp_path)
    more = of_chart({"networkPolicies": {"converterNamespaces": ["a", "b"]}}, tmp_path)
    added = [made for made in more if made not in plain]
    expected = [
        of_kustomization({"resources": ["deploy/network_policies/converters"], "namespace": name}, tmp_path)
        for name in ("a", "b")
    ]
    assert by_name(added) == by_name([made for [made] in expected])


def test_what_is_written_by_the_chart_or_copied_into_it_is_up_to_date() -> None:
    outdated = [str(path) for path, text in generated().items() if not path.exists() or path.read_text() != text]
    assert outdated == [], "python -m dev.generate.manifests"


def test_the_copies_are_up_to_date() -> None:
    # Without Helm, and so at once: whoever changes the resource meets this one first.
    outdated = [str(path) for path, text in copies().items() if not path.exists() or path.read_text() != text]
    assert outdated == [], "python -m dev.generate.manifests"


def test_the_kustomize_base_lists_every_file() -> None:
    folder = CHART.parents[1] / "base"
    listed = set(yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"])
    assert {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"} == listed - {"../../crds"}
