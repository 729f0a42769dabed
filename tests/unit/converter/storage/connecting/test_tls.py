"""What is wrong with a server's name or certificate is said in those words."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, SSLError
from cryptography import x509

from tests.unit.background_server import serving_in_background
from tests.unit.converter.storage.servers.recorded_server import Recorded, answering
from tests.unit.tls_server import LOOPBACK, speaking_tls
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, location_of, store_of
from tflite_converter.storage.answers.connections import of_connection
from tflite_converter.storage.store import Fault, Server

pytestmark = pytest.mark.usefixtures("impatient_keys")


def failure(endpoint: str) -> StepFailure:
    where = S3Destination.from_object(
        {"bucket": "models", "key": "a.tflite", "endpoint": endpoint, "secretRef": {"name": "keys"}}
    )
    store = store_of(where, FetchLimits(allow_local_addresses=True))
    with pytest.raises(StepFailure) as caught:
        Destination(where, store).look(location_of(where))
    return caught.value


def test_an_unknown_authority_is_said_with_what_the_administrator_sets(tmp_path: Path) -> None:
    with speaking_tls(tmp_path) as endpoint:
        found = failure(endpoint)
    assert found.reason is Reason.SERVER_UNREACHABLE
    assert f"{endpoint} has a certificate of an unknown authority: " in found.message
    assert "CONVERTER_CA_CONFIG_MAP" in found.message


@pytest.mark.parametrize(
    ("days", "name", "words"),
    [
        (2, x509.DNSName("s3.example.com"), "has a certificate for another name"),
        (-1, LOOPBACK, "has a certificate that has expired"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, name: x509.GeneralName, words: str
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "tls.crt"))
    with speaking_tls(tmp_path, days, name) as endpoint:
        found = failure(endpoint)
    assert found.reason is Reason.SERVER_UNREACHABLE
    assert words in found.message
    assert "write the host name that it is for in destination.s3.endpoint" in found.message


def test_a_server_without_tls_is_asked_for_without() -> None:
    with answering(Recorded(200)) as endpoint:
        found = failure(endpoint.replace("http:", "https:"))
    assert found.reason is Reason.INVALID_SPEC
    assert found.message.endswith("does not speak TLS there: write http:// in destination.s3.endpoint")


def test_a_host_name_that_does_not_exist_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = failure("http://minio.storage.invalid:9000")
    assert found.reason is Reason.SERVER_UNREACHABLE
    assert "http://minio.storage.invalid:9000 has a host name that does not exist: correct" in found.message


@pytest.mark.parametrize("host", ["no..store", f"{'a' * 64}.example.com"])
def test_a_host_name_that_cannot_exist_is_said(host: str) -> None:
    found = failure(f"http://{host}:9000")
    assert found.reason is Reason.SERVER_UNREACHABLE
    assert "has a host name that does not exist: correct destination.s3.endpoint" in found.message


def test_a_name_server_that_does_not_answer_is_tried_again() -> None:
    cause = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    error = EndpointConnectionError(endpoint_url="http://s3.example.com", error=cause)
    found = of_connection(error, Server("http://s3.example.com"))
    assert found.fault is Fault.UNAVAILABLE
    assert found.found == "http://s3.example.com cannot be reached: nobody answers what its host name means (DNS)"


def test_a_port_at_which_nobody_listens_is_said_in_the_systems_words() -> None:
    with answering(Recorded(200)) as endpoint:
        pass
    found = failure(endpoint)
    assert found.reason is Reason.STORAGE_UNAVAILABLE
    assert found.message == f"{endpoint} cannot be reached: Connection refused"


def test_a_proxy_that_refuses_says_so_and_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    with serving_in_background(served):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{served.server_port}")
        found = failure("https://s3.invalid")
    assert found.reason is Reason.STORAGE_UNAVAILABLE
    assert found.message == "https://s3.invalid cannot be reached: the proxy answered 403"


def test_a_proxy_whose_name_nobody_knows_is_not_the_servers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    found = failure("http://s3.invalid:9000")
    assert found.reason is Reason.STORAGE_UNAVAILABLE
    assert found.message == "http://s3.invalid:9000 cannot be reached: the proxy does not answer"


@pytest.mark.parametrize(
    ("server", "asked", "named"),
    [
        (Server(), "https://sts.eu-west-1.amazonaws.com/", "The token service at sts.eu-west-1.amazonaws.com"),
        (Server(), "https://models.s3.eu-west-1.amazonaws.com/a", "Amazon S3"),
        (Server("https://minio:9000/s3"), "https://minio:9000/s3/models/a", "https://minio:9000/s3"),
        (Server("https://oss.example.com", style="Virtual"), "https://models.oss.example.com/a", "https://oss"),
        (Server("https://minio:9000"), "https://sts.example.com/", "The token service at sts.example.com"),
    ],
)
def test_what_cannot_be_reached_is_named(server: Server, asked: str, named: str) -> None:
    error = EndpointConnectionError(endpoint_url=asked, error=ConnectionRefusedError(111, ""))
    said = of_connection(error, server).found
    assert said.startswith(named)
    assert said.endswith(" cannot be reached: Connection refused")


def test_nothing_of_a_request_is_said() -> None:
    error = SSLError(endpoint_url="https://s3.example.com?X-Amz-Signature=1", error=ValueError("1"))
    assert "Signature" not in of_connection(error, Server("https://s3.example.com")).found
