"""A request that the network did not take does not arrive later."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest
from kubernetes.aio.client import Configuration

from tflite_operator.kube.connection import Connection

HANDED_OVER = 100_000
"""Bytes that the sender's kernel takes at once, and the receiver's does not."""
TOO_MANY = 4_000_000
"""More than both take."""
PATIENT = aiohttp.ClientTimeout(total=60)


@contextmanager
def silent_server() -> Iterator[socket.socket]:
    """Listen, and read nothing: for the sender, that is a network that takes nothing."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def send(server: socket.socket, size: int, in_flight_seconds: float, limits: aiohttp.ClientTimeout) -> BaseException:
    """Send a write of so many bytes that is not taken; return how that ended."""
    body = {"kind": "Job", "filler": "x" * size}

    async def run() -> BaseException:
        configuration = Configuration(host=f"http://127.0.0.1:{server.getsockname()[1]}")
        connection = Connection(configuration, in_flight_seconds)
        try:
            await connection.send("POST", "/apis/batch/v1/namespaces/a/jobs", {}, body, limits=limits)
        except (aiohttp.ClientError, OSError) as error:
            return error
        finally:
            await connection.close()
        raise AssertionError("the server answered nothing, yet the request succeeded")

    return asyncio.run(run())


def arrived(server: socket.socket) -> tuple[int, bool]:
    """Read what came of it; return the bytes, and whether the sender ended it properly."""
    taken, _ = server.accept()
    count = 0
    with taken:
        taken.settimeout(10)
        try:
            while some := taken.recv(1 << 20):
                count += len(some)
        except (ConnectionResetError, TimeoutError):
            return count, False
    return count, True


def test_what_was_given_up_does_not_arrive_when_the_network_is_back() -> None:
    with silent_server() as server:
        ended = send(server, HANDED_OVER, 30, aiohttp.ClientTimeout(total=0.3))
        assert isinstance(ended, TimeoutError)
        count, properly = arrived(server)
    assert not properly
    assert count < HANDED_OVER


@pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")
def test_the_kernel_gives_up_what_is_not_acknowledged_though_the_process_waits() -> None:
    with silent_server() as server:
        ended = send(server, TOO_MANY, 0.5, PATIENT)
        assert isinstance(ended, aiohttp.ClientError), ended
        count, properly = arrived(server)
    assert not properly
    assert count < TOO_MANY
