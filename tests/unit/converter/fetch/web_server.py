"""A web server on this machine that answers by path, well or badly."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from tests.unit.background_server import serving_in_background

CONTENT = b"archive" * 1000


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    released = threading.Event()

    def log_message(self, *_: object) -> None:
        """Do not log."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith("/status/"):
            self._answer(int(path.rpartition("/")[2]))
        elif path == "/to":
            self._answer(302, location=unquote(query))
        elif path == "/loop":
            self._answer(302, location="/loop")
        elif path == "/drip":
            self._drip()
        elif path == "/silent":
            self.released.wait(30)
        elif path == "/cut":
            self._answer(200, body=CONTENT, length=len(CONTENT) + 1)
        elif path == "/chunked":
            self._chunked()
        else:
            self._answer(200, body=CONTENT)

    def _answer(
        self, status: int, *, body: bytes = b"", location: str | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while not self.released.wait(0.05):
                self.wfile.write(b"x")

    def _chunked(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(bytes(1 << 16))


@contextmanager
def serving() -> Iterator[str]:
    """Serve; gives the address."""
    Handler.released.clear()
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving_in_background(served):
        try:
            yield f"http://127.0.0.1:{served.server_port}"
        finally:
            Handler.released.set()
