"""Where the pods of a conversion run and how they are marked."""

import json
from typing import Any

import yaml

from tests.unit.operator.builders import SETTINGS, SPEC, UID
from tests.unit.operator.jobs.test_job import JOBS
from tflite_api.resource.pods.metadata import PodMetadata, is_reserved
from tflite_api.resource.spec import PLACEMENT, ConversionSpec
from tflite_api.steps.step import StepRequest
from tflite_operator.core.identity import Identity
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_cleanup, build_job, step_request
from tflite_operator.jobs.placement import marks
from tflite_operator.settings import Settings

PLACED = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "runtimeClassName",
)


def template_with(settings: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """An attempt's pod; that of the cleanup stands in the same place, and has the same marks."""
    identity, given = Identity("team", "a", UID, 1), ConversionSpec.from_object(SPEC | spec)
    chosen = Settings.from_environment({"CONVERTER_IMAGE": "example.com/converter:1", "CLUSTER_ID": "prod"} | settings)
    made: dict[str, Any] = build_job(identity, given, Attempt(1), chosen)["spec"]["template"]
    cleanup = build_cleanup(identity, given, chosen)["spec"]["template"]
    for name in ("securityContext", *PLACED):
        assert cleanup["spec"].get(name) == made["spec"].get(name)
    assert cleanup["metadata"] == made["metadata"]
    return made


def pod_with(settings: dict[str, Any], **spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = template_with(settings, **spec)["spec"]
    return made


def test_the_nodes_are_those_of_the_administrator_and_of_the_spec() -> None:
    assert pod_with({})["nodeSelector"] == {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    chosen = {
        "CONVERTER_NODE_SELECTOR": '{"pool": "batch", "kubernetes.io/arch": "arm64"}',
        "CONVERTER_TOLERATIONS": '[{"key": "batch", "operator": "Exists"}]',
    }
    made = pod_with(chosen, nodeSelector={"pool": "mine", "zone": "a"}, tolerations=[{"operator": "Exists"}])
    assert made["nodeSelector"] == {"pool": "mine", "kubernetes.io/arch": "arm64", "zone": "a"}
    assert made["tolerations"] == [{"operator": "Exists"}, {"key": "batch", "operator": "Exists"}]
    assert "nodeSelector" not in pod_with({"CONVERTER_NODE_SELECTOR": "{}"})


def nodes(*pools: str) -> dict[str, Any]:
    """Nodes of one of some pools."""
    terms = [{"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]} for pool in pools]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def away(*hosts: str) -> dict[str, Any]:
    terms = [{"topologyKey": host} for host in hosts]
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def pools_of(affinity: dict[str, Any]) -> list[list[str]]:
    terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return [[value for one in term["matchExpressions"] for value in one["values"]] for term in terms]


def test_a_spec_s_affinity_loosens_nothing_that_the_administrator_requires() -> None:
    chosen = {"CONVERTER_AFFINITY": json.dumps(nodes("a", "b") | away("host"))}
    assert pod_with(chosen)["affinity"] == nodes("a", "b") | away("host")
    assert pod_with(chosen, affinity={"nodeAffinity": {}, "podAffinity": {}}) == pod_with(chosen)
    made = pod_with(chosen, affinity=nodes("c", "d") | away("zone"))["affinity"]
    assert pools_of(made) == [["a", "c"], ["a", "d"], ["b", "c"], ["b", "d"]]
    assert made["podAntiAffinity"] == away("host", "zone")["podAntiAffinity"]
    named = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [named]}}
    [term, _] = pod_with(chosen, affinity={"nodeAffinity": required})["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert term == named | {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}
    assert pod_with({}, affinity=nodes("c"))["affinity"] == nodes("c")
    assert "affinity" not in pod_with({})


def test_what_administrator_and_spec_prefer_counts_together() -> None:
    def rather(pool: str) -> dict[str, Any]:
        [term] = nodes(pool)["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        wish = {"weight": 1, "preference": term}
        return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}

    made = pod_with({"CONVERTER_AFFINITY": json.dumps(rather("a"))}, affinity=rather("b"))["affinity"]["nodeAffinity"]
    [wishes] = made.values()
    assert [wish["preference"]["matchExpressions"][0]["values"] for wish in wishes] == [["a"], ["b"]]


def test_the_runtime_is_the_spec_s_then_the_administrator_s() -> None:
    chosen = {"CONVERTER_RUNTIME_CLASS_NAME": "gvisor"}
    assert pod_with(chosen)["runtimeClassName"] == "gvisor"
    assert pod_with(chosen, runtimeClassName="kata")["runtimeClassName"] == "kata"
    assert "runtimeClassName" not in pod_with({})


def test_pods_have_the_marks_of_the_administrator_and_of_the_spec_beside_their_own() -> None:
    chosen = {
        "CONVERTER_POD_LABELS": '{"team": "ml", "sidecar.istio.io/inject": "false"}',
        "CONVERTER_POD_ANNOTATIONS": '{"note": "all", "linkerd.io/inject": "disabled"}',
    }
    wanted = {"labels": {"team": "vision", "cost-center": "7"}, "annotations": {"note": "mine"}}
    plain = template_with({}, serviceAccountName="uploader")["metadata"]
    made = template_with(chosen, serviceAccountName="uploader", podMetadata=wanted)["metadata"]
    own = {"team": "vision", "sidecar.istio.io/inject": "false", "cost-center": "7"}
    assert made["labels"] == plain["labels"] | own
    assert made["annotations"] == plain["annotations"] | {"note": "mine", "linkerd.io/inject": "disabled"}
    assert plain["annotations"]["eks.amazonaws.com/skip-containers"] == "convert"
    assert plain["labels"].keys().isdisjoint(own)


def test_the_operator_s_own_marks_are_reserved() -> None:
    made = template_with({}, serviceAccountName="uploader")["metadata"]
    assert [key for key in (*made["labels"], *made["annotations"]) if not is_reserved(key)] == []


def test_if_somebody_could_choose_the_operator_s_own_marks_these_would_count() -> None:
    chosen = PodMetadata.model_construct(labels={"own": "a", "free": "b"}, annotations={"own": "c", "free": "d"})
    spec = ConversionSpec.from_object(SPEC).model_copy(update={"pod_metadata": chosen})
    made = marks(spec, SETTINGS, {"own": "1"}, {"own": "2"})
    assert made == {"labels": {"own": "1", "free": "b"}, "annotations": {"own": "2", "free": "d"}}


def test_a_cluster_that_chooses_the_user_is_let_choose_any_but_root() -> None:
    assert pod_with({})["securityContext"]["runAsUser"] == 65532
    chosen = pod_with({"FIXED_USER": "false"})["securityContext"]
    assert chosen == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_the_steps_are_told_nothing_of_where_they_run() -> None:
    given = yaml.safe_load((JOBS / "everything.input.yaml").read_text())["spec"]
    spec = ConversionSpec.from_object(given)
    assert {name for name in PLACEMENT if getattr(spec, name)} == {*PLACEMENT}
    told = StepRequest.model_validate_json(step_request(Identity("team", "a", UID, 1), spec, SETTINGS)).spec
    assert {name for name in PLACEMENT if getattr(told, name) is not None} == set()
    assert told == spec.model_copy(update=dict.fromkeys(PLACEMENT))
