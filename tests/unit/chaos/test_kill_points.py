"""A life ends where it was to end: what has reached the server by then tells."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.chaos.calls import ANSWERED, BEFORE, SENT, Chosen, Lifetime
from tests.unit.background_server import serving_in_background

PATH = "/apis/batch/v1/namespaces/n/jobs"
BODY = b"x" * 10_000
CLIENT = f"""
import asyncio, sys
import aiohttp
from tests.chaos.calls import Lifetime
from tests.chaos.kill_points import KillPoints

async def work():
    kill_points = KillPoints(Lifetime.from_json(sys.argv[2]), 2)
    async with aiohttp.ClientSession(trace_configs=[kill_points.trace()]) as session:
        for _ in range(2):
            async with session.post(sys.argv[1], data=b"x" * {len(BODY)}) as response:
                await response.read()
        print("done")

asyncio.run(work())
"""


class Server(ThreadingHTTPServer):
    """Takes what comes; answers when it is let."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[bytes] = []
        self.arrived = threading.Semaphore(0)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.arrived.release()
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Do nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with serving_in_background(server):
        yield server


def live(server: Server, *chosen: Chosen) -> subprocess.CompletedProcess[str]:
    lifetime = Lifetime(chosen).to_json()
    url = f"http://127.0.0.1:{server.server_port}{PATH}"
    root = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, "-c", CLIENT, url, lifetime], cwd=root, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("instant", "number", "arrive"), [(BEFORE, 1, 0), (SENT, 1, 1), (ANSWERED, 1, 1), (BEFORE, 2, 1)]
)
def test_a_life_ends_at_its_instant(server: Server, instant: str, number: int, arrive: int) -> None:
    ended = live(server, Chosen("create jobs", instant, number))
    assert ended.returncode == -signal.SIGKILL
    assert f'"instant": "{instant}"' in ended.stderr
    for _ in range(arrive):
        assert server.arrived.acquire(timeout=10)
    assert server.bodies == [BODY] * arrive


def test_a_life_without_end_goes_on(server: Server) -> None:
    ended = live(server, Chosen("delete jobs", BEFORE, 1))
    assert (ended.returncode, ended.stdout) == (0, "done\n")
