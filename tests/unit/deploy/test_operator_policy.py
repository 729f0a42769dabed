"""The policy on the operator's account knows what a spec can name: entries of Secrets, volumes of authorities."""

import re
from pathlib import Path

import yaml

from tflite_api.authorities import CA_FILE, OF_DESTINATION, OF_MODEL
from tflite_api.names import CONTAINERS, MODEL_DIR, OUTPUT_DIR, VOLUME_DIR
from tflite_api.resource.spec import ConversionSpec
from tflite_api.s3_secret import known_keys, known_tokens
from tflite_operator.core.identity import Identity
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_job
from tflite_operator.settings import Settings

_MANIFEST = Path(__file__).parents[3] / "deploy/base/operator_policy.yaml"
SPEC = next(iter(yaml.safe_load_all(_MANIFEST.read_text())))["spec"]
AUTHORITIES = (OF_DESTINATION, OF_MODEL)
ELSEWHERE = {
    "model": {"volume": {"claimName": "models", "path": "m"}},
    "destination": {"s3": {"bucket": "models", "key": "k.tflite", "roleARN": "arn:aws:iam::123456789012:role/a"}},
    "serviceAccountName": "uploader",
}
"""Has every volume that a Job can have beside authorities."""
VARIABLES = {one["name"]: one["expression"] for one in SPEC["variables"]}


def pairs(expression: str) -> list[tuple[str, str]]:
    """Return what a map in CEL holds."""
    assert re.fullmatch(r"\{(?:'[^']*': '[^']*'(?:, )?)*\}", " ".join(expression.split())), expression
    return re.findall(r"'([^']*)':\s+'([^']*)'", expression)


def test_the_entries_are_those_that_a_spec_can_name() -> None:
    assert pairs(VARIABLES["keys"]) == list(known_keys().items())
    assert pairs(VARIABLES["tokens"]) == list(known_tokens().items())


def test_no_entry_is_both_an_id_and_what_must_stay_secret() -> None:
    """An id is told to the server, and shown in its logs."""
    assert not set(known_keys()) & {*known_keys().values(), *known_tokens().values()}


def test_no_entry_is_one_that_other_secrets_have() -> None:
    assert not {*known_keys(), *known_keys().values()} & {"username", "password", "token", "key", "tls.key", "tls.crt"}


def test_config_maps_are_mounted_as_authorities_under_the_names_that_the_operator_gives_such_volumes() -> None:
    [rule] = [one["expression"] for one in SPEC["validations"] if "mounts nothing but" in one["message"]]
    scratch = ", ".join(f"'scratch-{step}'" for step in CONTAINERS)
    ours = f"'{OF_DESTINATION.name}', '{OF_MODEL.name}'"
    assert re.findall(r"volume\.name in \[([^\]]*)\]", rule) == [f"'model', 'output', {scratch}", ours]
    assert re.findall(r"mount\.name in \[([^\]]*)\]", rule) == ["'model', 'output', 'scratch-convert'"]
    assert re.search(r"items\[0\]\.path == '([^']*)'", rule)[1] == CA_FILE  # type: ignore[index] # it is there


def test_volumes_are_where_the_steps_look_for_them() -> None:
    places = dict(pairs(VARIABLES["places"]))
    assert (places["model"], places["output"]) == (MODEL_DIR, OUTPUT_DIR)
    assert places["source"] == VOLUME_DIR
    assert {one.name: places[one.name] for one in AUTHORITIES} == {one.name: one.folder for one in AUTHORITIES}
    spec = ConversionSpec.from_object(ELSEWHERE)
    settings = Settings(converter_image="a", cluster_id="tests", converter_ca_config_map="own")
    pod = build_job(Identity("a", "b", "c", 1), spec, Attempt(1), settings)["spec"]["template"]["spec"]
    made = [*pod["initContainers"], *pod["containers"]]
    mounts = {one["name"]: one["mountPath"] for container in made for one in container["volumeMounts"]}
    assert {name: mounts[name] for name in mounts if not name.startswith("scratch-")}.items() <= places.items()
    assert {mounts[name] for name in mounts if name.startswith("scratch-")} == {"/tmp"}
    fixed = dict(pairs(VARIABLES["fixed"]))
    told = {one["name"]: one.get("value") for container in made for one in container["env"]}
    assert {name: told[name] for name in fixed} == fixed
