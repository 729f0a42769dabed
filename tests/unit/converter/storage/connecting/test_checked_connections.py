"""A server's name that means another address a moment later leads S3 requests nowhere.

Names are looked up here by a table, and connections go to this machine alone: no test connects to an address that is
refused, and none leaves the machine.
"""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.storage.servers.s3_server import Bucket, serving_s3
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch.network.address_policy import refusal
from tflite_converter.steps.destination import Destination, location_of, store_of
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.store import Fault, Location, Server, StoreError

AT = Location("models", "a.tflite")
METADATA = "169.254.169.254"


class Names:
    """What names mean, one answer after the other; and where connections were begun."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = [*answers]
        self.connected: list[str] = []

    def look_up(self, host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        found = [host]
        if host.endswith(".test"):
            found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serving_s3(Bucket()) as found:
        yield found


def install(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def connected(self: socket.socket, address: Any) -> None:
        names.connected.append(address[0])
        assert address[0].startswith("127."), "a test connects to this machine alone"
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr("time.sleep", lambda _: None)


def named(bucket: Bucket) -> str:
    """The address of the server by a name."""
    return bucket.endpoint.replace("127.0.0.1", "storage.test")


def loopback_only(address: str) -> str | None:
    """Refuse as in earnest, but for this machine, which stands for a server far away."""
    return None if address.startswith("127.") else refusal(address)


def test_a_name_that_is_rebound_before_the_connection_is_refused(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names([METADATA])
    install(names, monkeypatch)
    store = S3Store(Server(named(bucket), refusal=loopback_only), Nobody())
    with pytest.raises(StoreError) as caught:
        store.head(AT)
    assert caught.value.fault is Fault.REFUSED_ADDRESS
    assert f"leads to {METADATA}, which is a link-local address" in caught.value.found
    assert names.connected == []


def test_a_name_that_is_rebound_between_two_requests_is_refused(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(["127.0.0.1"], [METADATA])
    install(names, monkeypatch)
    store = S3Store(Server(named(bucket), refusal=loopback_only), Nobody())
    assert store.head(AT) is None
    store._client._endpoint.http_session.close()  # type: ignore[attr-defined]
    with pytest.raises(StoreError) as caught:
        store.head(AT)
    assert caught.value.fault is Fault.REFUSED_ADDRESS
    assert set(names.connected) == {"127.0.0.1"}


@pytest.mark.parametrize("found", [["127.0.0.1", METADATA], [METADATA, "127.0.0.1"], ["fd00:ec2::254", "127.0.0.1"]])
def test_one_refused_address_among_others_is_enough(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    names = Names(found)
    install(names, monkeypatch)
    with pytest.raises(StoreError) as caught:
        S3Store(Server(named(bucket), refusal=loopback_only), Nobody()).head(AT)
    assert caught.value.fault is Fault.REFUSED_ADDRESS
    assert names.connected == []


def test_an_address_that_does_not_answer_is_followed_by_the_next(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(["127.0.0.2", "127.0.0.1"])
    install(names, monkeypatch)
    assert S3Store(Server(named(bucket), refusal=loopback_only), Nobody()).head(AT) is None
    assert names.connected[:2] == ["127.0.0.2", "127.0.0.1"]
    assert all(asked for asked in bucket.asked)


@pytest.mark.parametrize("host", ["storage.test", "127.0.0.1"])
def test_what_is_looked_up_is_what_is_connected_to(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Asked once: a second answer would be one that nobody checked."""
    names = Names(["127.0.0.1"], [METADATA])
    install(names, monkeypatch)
    endpoint = bucket.endpoint.replace("127.0.0.1", host)
    assert S3Store(Server(endpoint, refusal=loopback_only), Nobody()).head(AT) is None


def test_a_name_that_does_not_exist_is_said_to_be_none(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    install(Names([]), monkeypatch)
    with pytest.raises(StoreError) as caught:
        S3Store(Server(named(bucket), refusal=loopback_only), Nobody()).head(AT)
    assert caught.value.fault is Fault.UNKNOWN_HOST


def test_a_destination_asks_with_the_limits_of_the_administrator(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("time.sleep", lambda _: None)
    where = S3Destination.from_object(
        {"bucket": "models", "key": "a.tflite", "endpoint": bucket.endpoint, "secretRef": {"name": "s"}}
    )
    with pytest.raises(StepFailure) as caught:
        Destination(where, store_of(where, FetchLimits())).look(location_of(where))
    assert caught.value.reason is Reason.ADDRESS_REFUSED
    assert bucket.asked == []
    allowed = FetchLimits(allow_local_addresses=True)
    assert Destination(where, store_of(where, allowed)).look(location_of(where)) is None


def test_the_certificate_is_checked_against_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The connection is made to an address, and TLS is still spoken to the name."""
    spoken: list[str | None] = []

    def note(_: ssl.SSLContext, __: socket.socket, *args: Any, **kwargs: Any) -> Any:
        spoken.append(kwargs.get("server_hostname"))
        raise ssl.SSLError("enough")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", note)
    with serving_s3(Bucket()) as bucket:
        install(Names(["127.0.0.1"]), monkeypatch)
        server = Server(named(bucket).replace("http:", "https:"), refusal=loopback_only)
        with pytest.raises(StoreError):
            S3Store(server, Nobody()).head(AT)
    assert set(spoken) == {"storage.test"}


def test_a_proxy_may_be_anywhere(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", bucket.endpoint)
    assert S3Store(Server("http://storage.test", refusal=refusal), Nobody()).head(AT) is None
    assert bucket.asked
