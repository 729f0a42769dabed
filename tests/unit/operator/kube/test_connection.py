"""The API server's certificate is checked against the cluster's own authority, however that was made."""

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiohttp
import pytest
from kubernetes.aio.client import Configuration

from tests.unit import private_authority
from tests.unit.background_server import serving_in_background
from tflite_operator.kube.connection import Connection


class Version(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Do not log."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


async def statuses(configuration: Configuration) -> list[int]:
    """Ask the server by our own requests, and by the session that watches."""
    connection = Connection(configuration)
    try:
        asked = await connection.send("GET", "/version", {}, None, limits=aiohttp.ClientTimeout(total=10))
        async with connection.session() as session, session.get(f"{connection.server}/version") as watched:
            return [asked.status, watched.status]
    finally:
        await connection.close()


def test_an_authority_that_states_no_key_usage_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_authority.issue(tmp_path)
    private_authority.be_strict(monkeypatch)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Version)
    server.socket = private_authority.served_by(tmp_path).wrap_socket(server.socket, server_side=True)
    configuration = Configuration(host=f"https://localhost:{server.server_port}")
    with serving_in_background(server):
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            asyncio.run(statuses(configuration))
        configuration.ssl_ca_cert = str(tmp_path / "ca.crt")
        assert asyncio.run(statuses(configuration)) == [200, 200]
