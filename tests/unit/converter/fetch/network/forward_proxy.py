"""A forwarding proxy that leads every name to one server on this machine, and writes down what it was asked."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import ProxyHandler, build_opener

from tests.unit.background_server import serving_in_background


@dataclass
class Asked:
    """What a proxy was asked."""

    address: str
    requests: list[str] = field(default_factory=list)
    """Method and target of each."""
    authorizations: list[str | None] = field(default_factory=list)


@contextmanager
def forwarding(server: str, refuse_with: int | None = None) -> Iterator[Asked]:
    """Forward to a server at `http://host:port` or `https://host:port`; or refuse everything with a status."""
    host, _, port = server.partition("://")[2].partition(":")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.is_refused():
                return
            path = "/" + self.path.partition("://")[2].partition("/")[2]
            with build_opener(ProxyHandler({})).open(f"{server}{path}") as answer:
                content = answer.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_CONNECT(self) -> None:
            if self.is_refused():
                return
            with socket.create_connection((host, int(port))) as to:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_copy, args=(to, self.connection), daemon=True)
                back.start()
                _copy(self.connection, to)
                back.join()
            self.close_connection = True

        def is_refused(self) -> bool:
            asked.requests.append(f"{self.command} {self.path}")
            asked.authorizations.append(self.headers["Proxy-Authorization"])
            if refuse_with is not None:
                self.send_response(refuse_with)
                self.send_header("Content-Length", "0")
                self.end_headers()
            return refuse_with is not None

        def log_message(self, *_: object) -> None:
            """Do not log."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    asked = Asked(f"127.0.0.1:{proxy.server_port}")
    with serving_in_background(proxy):
        yield asked


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
