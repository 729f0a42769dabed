"""Downloads from a real HTTP server, within limits of time, size and address."""

import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509

from tests.unit.converter.fetch.web_server import CONTENT, serving
from tests.unit.tls_server import LOOPBACK, speaking_tls
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.http import dataset, fetch, model, shown
from tflite_converter.fetch.network import address_policy

LOCAL = FetchLimits(allow_local_addresses=True)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


def get(url: str, tmp_path: Path, limits: FetchLimits = LOCAL) -> str:
    return fetch(url, tmp_path / "target", limits, LoggedProgress(), model("model.handle"))


def refused(url: str, tmp_path: Path, limits: FetchLimits = LOCAL) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        get(url, tmp_path, limits)
    assert not (tmp_path / "target").exists(), "a part of a file stayed behind"
    return caught.value


def test_a_file_arrives_with_its_digest(server: str, tmp_path: Path) -> None:
    digest = get(f"{server}/model?tf-hub-format=compressed", tmp_path)
    assert (tmp_path / "target").read_bytes() == CONTENT
    assert digest == sha256(CONTENT).hexdigest()


def test_redirects_are_followed(server: str, tmp_path: Path) -> None:
    assert get(f"{server}/to?/to?model", tmp_path) == sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, Reason.MODEL_NOT_FOUND),
        (410, Reason.MODEL_NOT_FOUND),
        (400, Reason.MODEL_NOT_FOUND),
        (401, Reason.MODEL_ACCESS_DENIED),
        (403, Reason.MODEL_ACCESS_DENIED),
        (429, Reason.MODEL_UNAVAILABLE),
        (500, Reason.MODEL_UNAVAILABLE),
        (503, Reason.MODEL_UNAVAILABLE),
    ],
)
def test_a_status_is_a_reason(server: str, tmp_path: Path, status: int, reason: Reason) -> None:
    failure = refused(f"{server}/status/{status}", tmp_path)
    assert failure.reason is reason
    assert str(status) in failure.message


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("status/404", Reason.DATASET_NOT_FOUND),
        ("status/403", Reason.DATASET_ACCESS_DENIED),
        ("status/503", Reason.DATASET_UNAVAILABLE),
        ("cut", Reason.DATASET_UNAVAILABLE),
        ("loop", Reason.DATASET_NOT_FOUND),
        ("large", Reason.DATASET_TOO_LARGE),
    ],
)
def test_of_a_dataset_the_reasons_and_words_are_its_own(server: str, tmp_path: Path, path: str, reason: Reason) -> None:
    limits = LOCAL.model_copy(update={"max_archive_bytes": 100 if path == "large" else 10**6})
    with pytest.raises(StepFailure) as caught:
        fetch(f"{server}/{path}", tmp_path / "d.npz", limits, LoggedProgress(), dataset("f.dataset"))
    assert caught.value.reason is reason
    assert "model" not in caught.value.message.partition(server)[0]


def test_too_many_redirects_end(server: str, tmp_path: Path) -> None:
    assert refused(f"{server}/loop", tmp_path).reason is Reason.MODEL_NOT_FOUND


@pytest.mark.parametrize("path", ["model", "chunked"])
def test_a_file_beyond_the_limit_is_too_large(server: str, tmp_path: Path, path: str) -> None:
    limits = LOCAL.model_copy(update={"max_archive_bytes": 100})
    assert refused(f"{server}/{path}", tmp_path, limits).reason is Reason.MODEL_TOO_LARGE


def test_a_file_that_drips_beyond_the_time_is_too_large(server: str, tmp_path: Path) -> None:
    failure = refused(f"{server}/drip", tmp_path, LOCAL.model_copy(update={"timeout_seconds": 1}))
    assert failure.reason is Reason.MODEL_TOO_LARGE


def test_a_server_that_says_nothing_is_unavailable(server: str, tmp_path: Path) -> None:
    failure = refused(f"{server}/silent", tmp_path, LOCAL.model_copy(update={"timeout_seconds": 1}))
    assert failure.reason is Reason.MODEL_UNAVAILABLE


def test_a_connection_that_breaks_off_is_unavailable(server: str, tmp_path: Path) -> None:
    assert refused(f"{server}/cut", tmp_path).reason is Reason.MODEL_UNAVAILABLE


def test_a_port_where_nobody_listens_is_unavailable(tmp_path: Path) -> None:
    assert refused("http://127.0.0.1:1/model", tmp_path).reason is Reason.MODEL_UNAVAILABLE


@pytest.mark.parametrize("host", ["absent.invalid", "no..host", f"{'a' * 64}.example.com"])
def test_a_name_that_does_not_exist_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    def unknown(name: str, *_: Any, **__: Any) -> Any:
        name.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = refused(f"http://{host}/model", tmp_path)
    assert failure.reason is Reason.SERVER_UNREACHABLE
    assert failure.message == f"http://{host}/model has a host name that does not exist: correct model.handle"


def test_a_name_server_that_does_not_answer_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    assert refused("http://models.invalid/model", tmp_path).reason is Reason.MODEL_UNAVAILABLE


def test_a_proxy_whose_name_nobody_knows_is_not_the_servers_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    failure = refused("http://models.invalid/model", tmp_path)
    assert failure.reason is Reason.MODEL_UNAVAILABLE
    assert failure.message == "http://models.invalid/model cannot be reached: the proxy does not answer"


def test_an_unknown_authority_is_said_with_what_the_administrator_sets(tmp_path: Path) -> None:
    with speaking_tls(tmp_path) as address:
        failure = refused(f"{address}/model", tmp_path)
    assert failure.reason is Reason.SERVER_UNREACHABLE
    assert f"{address}/model has a certificate of an unknown authority: " in failure.message
    assert "CONVERTER_CA_CONFIG_MAP" in failure.message


@pytest.mark.parametrize(
    ("days", "name", "words"),
    [
        (2, x509.DNSName("models.example.com"), "has a certificate for another name"),
        (-1, LOOPBACK, "has a certificate that has expired"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, name: x509.GeneralName, words: str
) -> None:
    with speaking_tls(tmp_path, days, name) as address:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls.crt"))
        failure = refused(f"{address}/model", tmp_path)
    assert failure.reason is Reason.SERVER_UNREACHABLE
    assert f"{words}: have it renewed, or write the host name that it is for in model.handle" in failure.message


def test_a_server_without_tls_is_asked_for_without(server: str, tmp_path: Path) -> None:
    failure = refused(f"{server.replace('http:', 'https:')}/model", tmp_path)
    assert failure.reason is Reason.INVALID_SPEC
    assert failure.message.endswith("does not speak TLS there: write http:// in model.handle")


def test_a_loopback_address_is_refused(server: str, tmp_path: Path) -> None:
    failure = refused(f"{server}/model", tmp_path, FetchLimits())
    assert failure.reason is Reason.ADDRESS_REFUSED
    assert "127.0.0.1, which is a loopback address" in failure.message


def test_a_name_that_means_a_loopback_address_is_refused(server: str, tmp_path: Path) -> None:
    url = server.replace("127.0.0.1", "localhost")
    assert refused(f"{url}/model", tmp_path, FetchLimits()).reason is Reason.ADDRESS_REFUSED


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE"),
        *("[fd00:ec2::254]", "[::1]", "[::]", "[::ffff:127.0.0.1]", "0x7f000001", "0x7F.1", "localhost", "LOCALHOST"),
        "[fe80::1%25lo]",
    ],
)
def test_a_refused_address_is_known_however_it_is_written(tmp_path: Path, host: str) -> None:
    # What a host means is for the operating system to say: the address is judged where the connection is made.
    failure = refused(f"http://{host}:1/latest/meta-data", tmp_path, FetchLimits())
    assert failure.reason is Reason.ADDRESS_REFUSED, failure.message


@pytest.mark.parametrize("host", ["2130706433", "2852039166", "017700000001", "0177.0.0.1", "127.1", "0"])
def test_what_is_neither_an_address_nor_a_name_is_asked_of_nobody(
    tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("tflite_converter.fetch.http.refusal", asked.append)
    failure = refused(f"http://{host}:1/latest/meta-data", tmp_path, FetchLimits())
    assert asked == []
    assert failure.reason is Reason.MODEL_NOT_FOUND
    assert "is no valid address" in failure.message


def test_a_name_that_leads_to_the_metadata_service_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in for DNS: no name server here knows such a name.
    def answer(_: object, port: object, *__: object, **___: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    failure = refused("http://models.example.com/latest", tmp_path, FetchLimits())
    assert failure.reason is Reason.ADDRESS_REFUSED
    assert "169.254.169.254, which is a link-local address" in failure.message


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:1/x",
        "http://[::1]:1/x",
        "http://[fd00:ec2::254]/latest",
        "//169.254.169.254/latest",
    ],
)
def test_a_redirect_to_a_refused_address_is_refused(
    server: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the first hop may go to the loopback address where the test's server listens.
    port, judged = server.rpartition(":")[2], address_policy.refusal
    asked: list[str] = []

    def first_hop_allowed(address: str) -> str | None:
        asked.append(address)
        return None if len(asked) == 1 else judged(address)

    monkeypatch.setattr("tflite_converter.fetch.http.refusal", first_hop_allowed)
    failure = refused(f"http://127.0.0.1:{port}/to?{target}", tmp_path, FetchLimits())
    assert failure.reason is Reason.ADDRESS_REFUSED
    assert len(asked) == 2
    assert asked[1] in target


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.com/x"])
def test_a_redirect_to_another_scheme_is_refused(server: str, tmp_path: Path, target: str) -> None:
    assert refused(f"{server}/to?{target}", tmp_path).reason is Reason.ADDRESS_REFUSED


def test_what_may_be_secret_in_an_address_is_not_shown() -> None:
    assert shown("https://user:pass@example.com/model?token=secret#part") == "https://example.com/model"


@pytest.mark.parametrize(
    "location",
    ["http://[::1/model", "http://[not-an-address]/x", "http://h:port/x", "http://h:99999/x", "//["],
)
def test_a_redirect_to_what_is_no_address_is_refused_with_a_reason(server: str, tmp_path: Path, location: str) -> None:
    failure = refused(f"{server}/to?{quote(location)}", tmp_path)
    assert failure.reason is Reason.ADDRESS_REFUSED
    assert "redirects to what is no address" in failure.message


@pytest.mark.parametrize("url", ["http://[::1/model", "https://[1:2]/x", "http://h:port/x", "http://h:70000/x"])
def test_what_is_no_address_is_refused_with_a_reason(tmp_path: Path, url: str) -> None:
    failure = refused(url, tmp_path)
    assert failure.reason is Reason.MODEL_NOT_FOUND
    assert "is no valid address" in failure.message
