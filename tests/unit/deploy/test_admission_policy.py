"""The admission policy asks for every Secret that a conversion can name whether its author may read it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.secret_references import secret_references
from tflite_api.resource.pods.metadata import RESERVED_KEYS, RESERVED_PREFIXES

_MANIFEST = Path(__file__).parents[3] / "deploy/base/admission_policy.yaml"
POLICY: dict[str, Any] = next(iter(yaml.safe_load_all(_MANIFEST.read_text())))["spec"]


def test_the_crd_has_the_references_that_are_known_here() -> None:
    assert {"spec.destination.s3.secretRef", "spec.attestation.secretRef"} < set(secret_references())


@pytest.mark.parametrize("path", secret_references())
def test_every_reference_to_a_secret_is_guarded(path: str) -> None:
    reads = re.compile(rf"has\(object\.{re.escape(path)}\)\s*\?\s*object\.{re.escape(path)}\.name\s*:\s*''$")
    names = [one["name"] for one in POLICY["variables"] if reads.search(one["expression"])]
    assert len(names) == 1, f"no variable of the policy reads {path}.name"
    secret = f"variables.{names[0]}"
    asks = (
        f"variables.isOperator || {secret} == '' || authorizer.group('').resource('secrets')"
        f".namespace(request.namespace).name({secret}).check('get').allowed()"
    )
    guards = [one for one in POLICY["validations"] if " ".join(one["expression"].split()) == asks]
    assert [one["message"] for one in guards] == [f"{path}.name: must be a Secret that you may read"]


def test_what_no_conversion_may_choose_the_operator_may_not_either() -> None:
    policy = next(iter(yaml.safe_load_all(_MANIFEST.with_name("operator_policy.yaml").read_text())))["spec"]
    [rule] = [one["expression"] for one in policy["validations"] if "variables.chosen" in one["expression"]]
    named = re.findall(r"'([^']+)'", rule.partition("||")[2])
    assert named == [*RESERVED_KEYS, *RESERVED_PREFIXES]
