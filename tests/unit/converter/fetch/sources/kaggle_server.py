"""Speaks as much of Kaggle's API as a download needs, on this machine: none of Kaggle's own can be reached from a test.

As kagglesdk 0.1.37 asks (kagglesdk/kaggle_http_client.py, models/services/model_api_service.py): a POST of JSON to
/v1/models.ModelApiService/METHOD with HTTP Basic credentials; a download is answered by a redirect to a storage.
"""

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.unit.background_server import serving_in_background

KEY = "team:secret-key"


@dataclass
class Kaggle:
    """What the server has, and what it was asked."""

    archives: dict[int, bytes]
    """By version."""
    private: bool = True
    status: int = 200
    """What every request is answered with, where it is not 200."""
    asked: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    """Method or path, body, and Authorization of each request."""


@contextmanager
def serving(kaggle: Kaggle) -> Iterator[str]:
    """Serve; gives the address."""
    served = ThreadingHTTPServer(("127.0.0.1", 0), handler(kaggle))
    with serving_in_background(served):
        yield f"http://127.0.0.1:{served.server_port}"


@contextmanager
def serving_with_tls(kaggle: Kaggle, tls: ssl.SSLContext) -> Iterator[str]:
    """Serve with a certificate for localhost; gives the address."""
    served = ThreadingHTTPServer(("127.0.0.1", 0), handler(kaggle))
    served.socket = tls.wrap_socket(served.socket, server_side=True)
    with serving_in_background(served):
        yield f"https://localhost:{served.server_port}"


def handler(kaggle: Kaggle) -> type[BaseHTTPRequestHandler]:
    """Return what answers for it."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Do not log."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            method, authorization = self.path.rpartition("/")[2], self.headers.get("Authorization", "")
            kaggle.asked.append((method, body, authorization))
            good = authorization == f"Basic {base64.b64encode(KEY.encode()).decode()}"
            if kaggle.status != 200:
                self._answer(kaggle.status)
            elif kaggle.private and not good:
                self._answer(403 if authorization else 401)
            elif (body["ownerSlug"], body["modelSlug"], body["instanceSlug"]) != ("team", "tiny", "small"):
                self._answer(404)
            elif method == "GetModelInstance":
                self._answer(200, json.dumps({"versionNumber": max(kaggle.archives)}).encode())
            else:
                self._answer(302, location=f"/storage/{body['versionNumber']}")

        def do_GET(self) -> None:
            kaggle.asked.append((self.path, {}, self.headers.get("Authorization", "")))
            self._answer(200, kaggle.archives[int(self.path.rpartition("/")[2])], kind="application/gzip")

        def _answer(
            self, status: int, body: bytes = b"{}", *, location: str = "", kind: str = "application/json"
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

    return Handler
