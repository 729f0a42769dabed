"""S3 servers of a test's own: a hostile one, and one behind a network that can be slow, cut connections, or be gone."""

import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from cryptography import x509
from mypy_boto3_s3 import S3Client

from dev.building import binaries
from dev.cluster import target
from dev.cluster.target import Own
from dev.daemons import storage
from dev.host.checkout import Checkout
from dev.host.processes import Process
from dev.isolation import namespaces
from dev.isolation.namespaces import Namespaces
from tests import hostile_storage as hostile
from tests.e2e.environment import Environment
from tests.unit.tls_server import issue

_PORTS = range(20_000, 30_000)
"""Below those that the kernel gives to outgoing connections and Kubernetes to Services: few others listen there."""


class FaultyStorage:
    """versitygw behind toxiproxy. Other tests use another server, so this one may come and go."""

    certificate: Path | None = None
    """What it shows, where it speaks TLS; it signed itself."""

    def __init__(self, env: Environment, inside: Namespaces, folder: Path, *, tls: bool = False) -> None:
        self._env, self._inside, self._folder = env, inside, folder
        self._checkout = Checkout.here()
        self._address = _address(env)
        self._tls = issue(folder, name=x509.IPAddress(ip_address(self._address))) if tls else None
        if self._tls is not None:
            self.certificate = self._tls[0]
        self._scheme = "http" if self._tls is None else "https"
        self._port, self._proxy_port, self._control_port = random.sample(_PORTS, 3)
        self._server: Process | None = None
        self._proxy: Process | None = None
        self._control = httpx.Client(base_url=f"http://{self._address}:{self._control_port}", timeout=10)

    @property
    def endpoint(self) -> str:
        """Where pods find it: through the proxy."""
        return f"{self._scheme}://{self._address}:{self._proxy_port}"

    @cached_property
    def client(self) -> S3Client:
        """A client that goes round the proxy, with the owner's keys."""
        return boto3.client(
            "s3",
            endpoint_url=f"{self._scheme}://{self._address}:{self._port}",
            verify=str(self.certificate) if self.certificate is not None else None,
            aws_access_key_id=self._env.access_key,
            aws_secret_access_key=self._env.secret_key,
            region_name=storage.REGION,
        )

    def start(self) -> None:
        """Start the server; its objects are those from before."""
        address, log = f"{self._address}:{self._port}", self._folder / "access.log"
        command = storage.server(self._checkout.bin, self._folder, address, log, self._tls)
        keys = storage.Keys(self._env.access_key, self._env.secret_key)
        self._server = self._inside.spawn(command, self._folder / "s3.log", storage.environment(keys))
        _wait_for(self._address, self._port)

    def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.stop(grace=5)

    def start_proxy(self) -> None:
        """Start the network, in good health."""
        program = binaries.make_tool(self._checkout, "toxiproxy")
        control = [f"-host={self._address}", f"-port={self._control_port}"]
        self._proxy = self._inside.spawn([str(program), *control], self._folder / "proxy.log")
        _wait_for(self._address, self._control_port)
        listen, upstream = f"{self._address}:{self._proxy_port}", f"{self._address}:{self._port}"
        self._ask("POST", "/proxies", {"name": "s3", "listen": listen, "upstream": upstream, "enabled": True})

    def stop_proxy(self) -> None:
        """Stop the network."""
        if self._proxy is not None:
            self._proxy.stop(grace=5)
        self._control.close()

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Refuse every connection."""
        self._ask("POST", "/proxies/s3", {"enabled": False})
        yield
        self._ask("POST", "/proxies/s3", {"enabled": True})

    @contextmanager
    def sick(self, kind: str, **attributes: int) -> Iterator[None]:
        """Spoil what is sent to the server (https://github.com/Shopify/toxiproxy#toxics)."""
        toxic = {"name": kind, "type": kind, "stream": "upstream", "attributes": attributes}
        self._ask("POST", "/proxies/s3/toxics", toxic)
        yield
        self._ask("DELETE", f"/proxies/s3/toxics/{kind}")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        answer = self._control.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.text}"


@contextmanager
def faulty_storage(env: Environment, *, tls: bool = False) -> Iterator[FaultyStorage]:
    """Run a server and its proxy; with TLS under a certificate that nobody knows.

    Skips where the node is not this machine: there is no place for them that pods could reach.
    """
    inside = _inside()
    # Not pytest's tmp_path: user attributes need a real file system, and the folder must be seen inside.
    with tempfile.TemporaryDirectory(dir=Checkout.here().run, prefix="faulty-s3-") as folder:
        made = FaultyStorage(env, inside, Path(folder), tls=tls)
        try:
            made.start()
            made.start_proxy()
            yield made
        finally:
            made.stop_proxy()
            made.stop()


@contextmanager
def hostile_storage(env: Environment, log: Path) -> Iterator[str]:
    """Run a server whose answers no store gives (tests/hostile_storage.py), and yield its endpoint.

    Skips where `faulty_storage` does.
    """
    inside = _inside()
    address, [port] = _address(env), random.sample(_PORTS, 1)
    server = inside.spawn([sys.executable, hostile.__file__, address, str(port)], log)
    try:
        _wait_for(address, port)
        yield f"http://{address}:{port}"
    finally:
        server.stop(grace=5)


def _inside() -> Namespaces:
    """Return where the throw-away cluster is, and skip on another."""
    here = Checkout.here()
    inside = namespaces.find(here)
    if inside is None or not isinstance(target.decide(os.environ, here.cache), Own):
        pytest.skip("not the throw-away cluster: there is nowhere to put a second S3 server that its pods would reach")
    return inside


def _address(env: Environment) -> str:
    """Return the node's address, where pods find servers."""
    return env.s3_endpoint.partition("://")[2].partition(":")[0]


def _wait_for(address: str, port: int, timeout: float = 20) -> None:
    end = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens on {address}:{port}"
            time.sleep(0.05)
        else:
            return
