"""The policy on the operator's account knows the entries of Secrets that a spec can name, and no others."""

import re
from pathlib import Path

import yaml

from tflite_api.s3_secret import known_keys, known_tokens

_MANIFEST = Path(__file__).parents[3] / "deploy/base/operator_policy.yaml"
VARIABLES = {
    one["name"]: one["expression"] for one in next(iter(yaml.safe_load_all(_MANIFEST.read_text())))["spec"]["variables"]
}


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
