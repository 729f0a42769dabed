"""What `make env` prints."""

import shlex
import subprocess
from pathlib import Path

import pytest

from dev.cluster.environment import as_shell, variables
from dev.daemons.storage import Keys
from dev.host.checkout import Checkout
from dev.isolation.network import choose


@pytest.mark.parametrize("value", ["plain", "two words", "it's", "$HOME `id` $(id)", "a\nb", "", "ü\\", "-n"])
def test_shell_gets_back_what_was_put_in(value: str) -> None:
    script = as_shell({"GIVEN": value}) + 'printf %s "$GIVEN"'
    assert subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout == value


def test_names_everything_the_tests_and_the_demo_need() -> None:
    values = variables(Checkout(Path("/a checkout")), choose([]), Keys("id", "secret"), "/bin")
    assert values["KUBECONFIG"] == "/a checkout/.cache/run/kubeconfig"
    assert values["S3_ENDPOINT"] == values["AWS_ENDPOINT_URL_S3"] == "http://10.212.0.1:7070"
    assert values["HUB_URL"] == "http://10.212.0.1:7080"
    assert (values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]) == ("id", "secret")
    assert values["AUDIT_LOG"] == "/a checkout/.cache/run/log/audit.log"
    assert values["S3_ACCESS_LOG"] == "/a checkout/.cache/run/log/s3-access.log"
    assert {"AWS_DEFAULT_REGION", "HUB_DIR", "OPERATOR_IMAGE", "CONVERTER_IMAGE"} <= values.keys()
    assert shlex.split(as_shell(values))[:2] == ["export", "KUBECONFIG=/a checkout/.cache/run/kubeconfig"]


def test_our_programs_come_first_and_once() -> None:
    checkout = Checkout(Path("/c"))
    once = variables(checkout, choose([]), Keys("", ""), "/usr/bin:/bin")["PATH"]
    assert once == "/c/.cache/bin:/c/.cache/venv/bin:/usr/bin:/bin"
    assert variables(checkout, choose([]), Keys("", ""), once)["PATH"] == once
