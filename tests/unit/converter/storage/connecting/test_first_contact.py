"""The network of a pod that has just started may not be ready, and is waited for; nothing else is."""

import errno
import socket
from collections.abc import Iterator

import pytest
from botocore.exceptions import EndpointConnectionError, ProxyConnectionError, ReadTimeoutError, SSLError

from tests.unit.converter.storage.servers.s3_server import Bucket, serving_s3
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.first_contact import Patience
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.store import Fault, Location, Server, StoreError

AT = Location("models", "a.tflite")
ASKED = "http://s3.example.com"
REFUSED = EndpointConnectionError(endpoint_url=ASKED, error=ConnectionRefusedError(errno.ECONNREFUSED, "refused"))


class Clock:
    """A clock that goes on as it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serving_s3(Bucket()) as found:
        yield found


def refuse_first(number: int, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Refuse the first connections, as where a proxy takes all and does not listen yet; return where they led."""
    connect, begun = socket.socket.connect, list[object]()

    def refusing(self: socket.socket, address: tuple[str, int]) -> None:
        assert address[0] == "127.0.0.1", "a test connects to this machine alone"
        begun.append(address)
        if len(begun) <= number:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refusing)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return begun


def test_a_network_that_is_not_ready_yet_costs_no_attempt(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = refuse_first(9, monkeypatch)
    store = S3Store(Server(bucket.endpoint, patience_seconds=60), Nobody())
    assert store.head(AT) is None
    assert len(begun) >= 10


def test_without_patience_it_is_tried_as_often_as_ever(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = refuse_first(9, monkeypatch)
    with pytest.raises(StoreError) as caught:
        S3Store(Server(bucket.endpoint), Nobody()).head(AT)
    assert caught.value.fault is Fault.UNAVAILABLE
    assert len(begun) == 4


@pytest.mark.parametrize(
    "error",
    [
        REFUSED,
        EndpointConnectionError(endpoint_url=ASKED, error=OSError(errno.EHOSTUNREACH, "No route to host")),
        EndpointConnectionError(endpoint_url=ASKED, error=socket.gaierror(socket.EAI_AGAIN, "try again")),
        ProxyConnectionError(proxy_url="http://proxy", error=ConnectionRefusedError(errno.ECONNREFUSED, "refused")),
    ],
)
def test_it_ends_some_seconds_after_the_first_failure_for_good(error: Exception) -> None:
    clock = Clock()
    patience = Patience(5, clock)
    clock.now += 1000
    assert patience.pause(caught_exception=error) == 0.5
    clock.now += 4.9
    assert patience.pause(caught_exception=error) == 0.5
    clock.now += 0.2
    assert patience.pause(caught_exception=error) is None
    assert patience.pause(caught_exception=error) is None


@pytest.mark.parametrize(
    "seen",
    [
        None,
        EndpointConnectionError(endpoint_url=ASKED, error=socket.gaierror(socket.EAI_NONAME, "unknown")),
        ProxyConnectionError(proxy_url="http://proxy", error=OSError("Tunnel connection failed: 403 Forbidden")),
        ReadTimeoutError(endpoint_url=ASKED),
        SSLError(endpoint_url=ASKED, error=OSError("certificate")),
    ],
)
def test_a_network_that_was_there_is_waited_for_no_more(seen: Exception | None) -> None:
    patience = Patience(5, Clock())
    assert patience.pause(caught_exception=seen) is None
    assert patience.pause(caught_exception=REFUSED) is None
