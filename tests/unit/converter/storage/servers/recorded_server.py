"""A server of this process that answers as another product was recorded to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.unit.background_server import serving_in_background

_EMPTY_BUCKET = b'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'


@dataclass
class Recorded:
    """An answer, and to which methods it is given; the others are those of an empty bucket."""

    status: int
    body: str = ""
    methods: str = "HEAD GET PUT"
    headers: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False
    """Whether it answers before it has read what is sent, and closes the connection."""
    refuses: Callable[[dict[str, str]], bool] = lambda _: True
    """Whether a request with such headers is answered so."""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Method and path of each request, and its headers."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorded: Recorded

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.recorded.requests.append((f"{self.command} {self.path}", headers))
        refused = self.command in self.recorded.methods.split() and self.recorded.refuses(headers)
        if refused and self.recorded.closes:
            self.close_connection = True
        else:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, body = (self.recorded.status, self.recorded.body.encode()) if refused else self._of_empty_bucket()
        self.send_response(status)
        for name, value in {"Content-Type": "application/xml", **(self.recorded.headers if refused else {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _of_empty_bucket(self) -> tuple[int, bytes]:
        return (404, b"") if self.command == "HEAD" else (200, _EMPTY_BUCKET if self.command == "GET" else b"")

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def handle_expect_100(self) -> bool:
        """Say nothing before the answer where that comes at once, as nginx does."""
        return True if self.recorded.closes else super().handle_expect_100()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def answering(recorded: Recorded) -> Iterator[str]:
    """Answer so, at the address that is given."""
    served = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"recorded": recorded}))
    with serving_in_background(served):
        yield f"http://127.0.0.1:{served.server_port}"
