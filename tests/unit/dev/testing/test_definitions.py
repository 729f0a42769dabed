"""A definition is waited for from its first moment on, when the API server has not said anything of it yet."""

import json
from pathlib import Path
from typing import Any

import pytest

from dev.testing.definitions import established, wait_until_served
from dev.testing.kubectl import Kubectl

ESTABLISHED = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
JUST_CREATED = {"status": {"conditions": None, "acceptedNames": {"kind": "", "plural": ""}, "storedVersions": ["v1"]}}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (ESTABLISHED, True),
        (JUST_CREATED, False),
        ({}, False),
        ({"status": {"conditions": [{"type": "Established", "status": "False"}]}}, False),
        ({"status": {"conditions": [{"type": "NamesAccepted", "status": "True"}]}}, False),
    ],
)
def test_only_what_the_api_server_says_counts(definition: dict[str, Any], expected: bool) -> None:
    assert established(definition) is expected


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    """Answer the first time as for a definition that was just created, then as for an established one.

    In the place of the real one: no API server can be made to answer in the moment between the two.
    """
    answers = tmp_path / "answers"
    answers.mkdir()
    (answers / "1").write_text(json.dumps(JUST_CREATED))
    (answers / "2").write_text(json.dumps(ESTABLISHED))
    program = tmp_path / "kubectl"
    program.write_text(f"#!/bin/sh\ncat {answers}/1\n[ -f {answers}/2 ] && mv {answers}/2 {answers}/1\nexit 0\n")
    program.chmod(0o755)
    return Kubectl((str(program),))


def test_a_definition_without_conditions_is_waited_for(kubectl: Kubectl) -> None:
    wait_until_served(kubectl, ["cells.example.com"])


def test_one_that_stays_so_is_named_with_what_was_seen(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "answers/2").unlink()
    with pytest.raises(TimeoutError, match=r"cells\.example\.com: .*'conditions': None"):
        wait_until_served(kubectl, ["cells.example.com"], within=0.1)
