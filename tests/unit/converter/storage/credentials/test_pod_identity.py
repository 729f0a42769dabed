"""EKS's agent is asked for credentials at its own address and no other; here one on this machine stands in for it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.background_server import serving_in_background
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, location_of, store_of
from tflite_converter.storage import pod_identity
from tflite_converter.storage.pod_identity import agent_of

ADDRESS, TOKEN_FILE = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
CREDENTIALS = {"AccessKeyId": "OFROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}


class Servers(BaseHTTPRequestHandler):
    """The agent, and the storage."""

    asked: list[tuple[str, str]]
    status: int

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(CREDENTIALS).encode())

    def do_HEAD(self) -> None:
        self.asked.append(("HEAD", self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]))
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    Servers.asked, Servers.status = [], 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), Servers)
    with serving_in_background(server):
        found = f"http://127.0.0.1:{server.server_address[1]}"
        (tmp_path / "token").write_text("of-the-pod")
        monkeypatch.setattr(pod_identity, "_AGENTS", {f"{found}/v1/credentials"})
        monkeypatch.setenv(ADDRESS, f"{found}/v1/credentials")
        monkeypatch.setenv(TOKEN_FILE, str(tmp_path / "token"))
        monkeypatch.delenv("AWS_ROLE_ARN", raising=False)
        monkeypatch.setattr("time.sleep", lambda _: None)
        # What lies about is not taken: another agent, and a key.
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/of-ecs")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "STRANGER")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        yield found


def look(address: str) -> object:
    where = S3Destination.from_object({"bucket": "models", "key": "a", "endpoint": address})
    return Destination(where, store_of(where, FetchLimits(allow_local_addresses=True))).look(location_of(where))


def refused(address: str) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        look(address)
    return caught.value


@pytest.mark.parametrize("uri", ["http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"])
def test_the_agent_is_known_by_its_address(uri: str) -> None:
    assert agent_of({ADDRESS: uri, TOKEN_FILE: "/token", "HOME": "/"}) == {ADDRESS: uri, TOKEN_FILE: "/token"}


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/node",
        "http://169.254.170.2/v2/credentials",
        "http://169.254.170.23/v1/other",
        "http://169.254.170.23:8080/v1/credentials",
        "http://user@169.254.170.23/v1/credentials",
        "https://attacker.example.com/v1/credentials",
        "http://localhost/v1/credentials",
    ],
)
def test_no_other_address_is_ever_asked(uri: str) -> None:
    assert agent_of({ADDRESS: uri, TOKEN_FILE: "/token"}) is None


def test_without_a_token_the_agent_is_not_asked() -> None:
    assert agent_of({ADDRESS: "http://169.254.170.23/v1/credentials"}) is None


def test_the_storage_is_asked_with_what_the_agent_gives(address: str) -> None:
    assert look(address) is not None
    assert Servers.asked == [("/v1/credentials", "of-the-pod"), ("HEAD", "OFROLE")]


def test_a_role_that_is_named_comes_first(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/converter")
    monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE", raising=False)
    refused(address)
    assert Servers.asked == []


def test_an_account_that_is_associated_with_no_role_is_said(address: str) -> None:
    Servers.status = 404
    found = refused(address)
    assert found.reason is Reason.CREDENTIALS_REFUSED
    assert found.message.startswith("The agent of EKS Pod Identity gives no credentials (404): set destination.s3.role")


def test_an_agent_that_is_out_of_order_is_asked_again_later(address: str) -> None:
    Servers.status = 503
    found = refused(address)
    assert found.reason is Reason.STORAGE_UNAVAILABLE
    assert found.message == "The agent of EKS Pod Identity does not answer"


def test_a_pod_without_the_token_stands_for_no_role(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_FILE, "/absent/token")
    found = refused(address)
    assert found.reason is Reason.CREDENTIALS_REFUSED
    assert "associate it with a role (EKS Pod Identity)" in found.message
    assert Servers.asked == []
