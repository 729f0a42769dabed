"""A ServiceAccount's token buys the credentials: against a stand-in for the token service, as none runs here.

It answers as https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html says, and the
storage beside it tells with whose key it was asked.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.unit.background_server import serving_in_background
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, location_of, store_of
from tflite_converter.storage.store import StoredObject

LIMITS = FetchLimits(allow_local_addresses=True)
ROLE = "arn:aws:iam::123456789012:role/converter"
ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>BOUGHT</AccessKeyId>
<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
REFUSAL = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>InvalidIdentityToken</Code><Message>no</Message></Error></ErrorResponse>"""


class Servers(BaseHTTPRequestHandler):
    asked: list[str]
    refusal = (400, REFUSAL)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        good = form["WebIdentityToken"] == ["token"] and form["RoleArn"] == [ROLE]
        self.answer(*((200, ANSWER) if good else self.refusal))

    def do_HEAD(self) -> None:
        self.asked.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", "3")
        self.end_headers()

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Servers.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Servers)
    with serving_in_background(server):
        found = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", found)
        yield found


def look(address: str) -> StoredObject | None:
    where = S3Destination.from_object({"bucket": "models", "key": "a", "endpoint": address})
    return Destination(where, store_of(where, LIMITS)).look(location_of(where))


def given(monkeypatch: pytest.MonkeyPatch, folder: Path, token: str, role: str | None = ROLE) -> None:
    (folder / "token").write_text(token)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", role or "")
    # A key that lies about is not taken: the spec names none.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "STRANGER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


def test_the_storage_is_asked_with_what_the_token_buys(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, tmp_path, "token")
    found = look(address)
    assert found is not None
    assert found.size == 3
    assert ["Credential=BOUGHT/" in asked for asked in Servers.asked] == [True]


def test_a_token_that_is_refused_is_refused_credentials(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, tmp_path, "another")
    with pytest.raises(StepFailure) as caught:
        look(address)
    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
    assert caught.value.message.startswith(
        'The token service gives the ServiceAccount no credentials: InvalidIdentityToken (400), "no". '
        "Have the trust policy of its role name this ServiceAccount and cluster"
    )
    assert Servers.asked == []


def test_a_token_service_that_is_down_is_asked_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, tmp_path, "another")
    monkeypatch.setattr(Servers, "refusal", (503, REFUSAL.replace("InvalidIdentityToken", "ServiceUnavailable")))
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(StepFailure) as caught:
        look(address)
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    assert caught.value.message == "The token service answered ServiceUnavailable (503)"


def test_a_token_service_that_cannot_be_reached_is_not_called_the_storage(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a network that has a way to S3, and none to the service that gives the credentials."""
    given(monkeypatch, tmp_path, "token")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(StepFailure) as caught:
        look(address)
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    assert caught.value.message == "The token service at 127.0.0.1:1 cannot be reached: Connection refused"


def test_an_account_without_a_role_is_told_where_to_name_one(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, tmp_path, "token", role=None)
    with pytest.raises(StepFailure) as caught:
        look(address)
    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
    assert "destination.s3.roleARN" in caught.value.message
