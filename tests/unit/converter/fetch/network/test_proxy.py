"""Downloads and the storage go through the proxy that the environment names, and what may not be asked is not."""

import base64
import socket
import traceback
from pathlib import Path

import pytest

from tests.unit.converter.fetch.network.forward_proxy import forwarding
from tests.unit.converter.fetch.web_server import CONTENT, serving
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.http import dataset, fetch
from tflite_converter.fetch.network.proxy import Proxy, check
from tflite_converter.steps.destination import store_of
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import Location, Server, StoreError

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy")
SUBJECT = dataset("quantization.calibration.dataset")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def get(url: str, tmp_path: Path) -> bytes:
    fetch(url, tmp_path / "target", FetchLimits(), LoggedProgress(), SUBJECT)
    return (tmp_path / "target").read_bytes()


def refused(url: str, tmp_path: Path) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        get(url, tmp_path)
    return caught.value


@pytest.mark.parametrize(("user", "told"), [("", None), ("me:se%20cret@", b"me:se cret")])
def test_a_name_that_only_the_proxy_knows_is_fetched_through_it(
    user: str, told: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server, forwarding(server) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{user}{proxy.address}")
        assert get("http://models.invalid/a.npz", tmp_path) == CONTENT
    assert proxy.requests == ["GET http://models.invalid/a.npz"]
    [authorization] = proxy.authorizations
    assert authorization == (None if told is None else f"Basic {base64.b64encode(told).decode()}")


def test_for_https_the_proxy_gives_a_tunnel_and_is_told_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server, forwarding(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{proxy.address}")
        # At the tunnel's other end stands a server without TLS.
        failure = refused("https://models.invalid/a", tmp_path)
    assert failure.reason is Reason.INVALID_SPEC
    assert "does not speak TLS there" in failure.message
    assert proxy.requests == ["CONNECT models.invalid:443"]
    assert proxy.authorizations == [f"Basic {base64.b64encode(b'me:secret').decode()}"]


def test_what_is_named_in_no_proxy_is_asked_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server, forwarding(server) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,.invalid")
        limits = FetchLimits(allow_local_addresses=True)
        fetch(f"{server}/a", tmp_path / "a", limits, LoggedProgress(), SUBJECT)
        assert (tmp_path / "a").read_bytes() == CONTENT
        assert Proxy.of("http://models.invalid/a") is None
    assert proxy.requests == []


@pytest.mark.parametrize("address", ["169.254.169.254", "localhost", "[::1]", "2852039166"])
def test_the_proxy_is_not_asked_for_what_may_not_be_reached(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server, forwarding(server) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        failure = refused(f"http://{address}/latest", tmp_path)
    assert failure.reason is Reason.ADDRESS_REFUSED
    assert proxy.requests == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_is_told_from_a_server_that_does(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server, forwarding(server, refuse_with=407) as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:secret@{proxy.address}")
        failure = refused(f"{scheme}://models.invalid/a", tmp_path)
    assert (failure.reason, "the proxy answered 407" in failure.message) == (Reason.DATASET_UNAVAILABLE, True)


def test_a_proxy_that_is_not_there_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
    failure = refused("https://models.invalid/a", tmp_path)
    assert failure.reason is Reason.DATASET_UNAVAILABLE
    assert "the proxy does not answer" in failure.message
    assert str(port) not in failure.message
    assert "secret" not in failure.message


def test_the_storage_is_asked_through_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with serving() as server, forwarding(server, refuse_with=403) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        with pytest.raises(StoreError):
            S3Store(Server("http://s3.invalid"), Key()).head(Location("models", "a"))
    assert proxy.requests[0] == "HEAD http://s3.invalid/models/a"


@pytest.mark.parametrize(
    "named",
    [
        "http://me:se[cr]et@proxy.example.com:3128",
        "http://me:[se.cret]@proxy.example.com:3128",
        "http://me:se]cret@proxy:3128",
        "me:[secret]@proxy:3128",
        "http://me:secret@proxy:se[cret]",
        "http://me:secret@proxy:port-secret",
        "http://me:secret@",
    ],
)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_no_address_is_told_without_a_word_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, named: str, variable: str
) -> None:
    monkeypatch.setenv(variable, named)
    with pytest.raises(StepFailure) as caught:
        check()
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    assert f"The variable {variable.upper()} of this container is no address of a proxy" in caught.value.message
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert [part for part in ("cret", "3128", "example") if part in told] == []


def test_a_download_and_the_storage_say_nothing_of_such_a_proxy_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:[se.cret]@proxy.example.com:3128")
    failure = refused("http://models.invalid/a.npz", tmp_path)
    assert "cret" not in "".join(traceback.format_exception(failure))
    where = S3Destination.from_object({"bucket": "models", "key": "a", "secretRef": {"name": "s"}})
    with pytest.raises(StepFailure) as caught:
        store_of(where, FetchLimits())
    assert "cret" not in "".join(traceback.format_exception(caught.value))


def test_a_password_in_percent_signs_is_as_good_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:se%5Bcr%5Det@proxy.example.com:3128")
    check()
    found = Proxy.of("http://models.invalid/a.npz")
    assert found is not None
    assert found.authorization == f"Basic {base64.b64encode(b'me:se[cr]et').decode()}"
