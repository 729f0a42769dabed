"""The policy on the operator's account knows what a spec can name: entries of Secrets, volumes of authorities."""

import re
from pathlib import Path

import yaml

from tflite_api.authorities import CA_FILE, OF_DESTINATION, OF_MODEL
from tflite_api.s3_secret import known_keys, known_tokens

_MANIFEST = Path(__file__).parents[3] / "deploy/base/operator_policy.yaml"
SPEC = next(iter(yaml.safe_load_all(_MANIFEST.read_text())))["spec"]
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
    named = set(re.findall(r"(?:volume|mount)\.name in \[([^\]]*)\]", rule))
    ours = f"'{OF_DESTINATION.name}', '{OF_MODEL.name}'"
    assert named == {ours, "'model', 'output', 'scratch-convert'"}
    assert re.search(r"items\[0\]\.path == '([^']*)'", rule)[1] == CA_FILE  # type: ignore[index] # it is there
    assert {OF_DESTINATION.folder, OF_MODEL.folder} == {f"/etc/{name}" for name in (OF_DESTINATION.name, OF_MODEL.name)}
    assert "mount.mountPath == '/etc/' + mount.name" in rule
