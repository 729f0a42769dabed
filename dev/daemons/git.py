"""A small Git server: Git's own `git http-backend`, which speaks the protocol, behind Python's HTTP server.

Every bare repository below its root can be fetched, and none be pushed to.
"""

import argparse
import logging
import os
import subprocess
from email.parser import BytesHeaderParser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOG = logging.getLogger("git")
# What a client sends to fetch are the commits that it has and wants.
MOST_SENT = 16 * 1024 * 1024
SECONDS = 60


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    root: Path
    # A client that stays silent does not hold its thread for ever.
    timeout = SECONDS

    def do_GET(self) -> None:
        """Send what was asked for."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Send what was asked for."""
        sent = int(self.headers.get("Content-Length", 0))
        if sent > MOST_SENT:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        self._answer(self.rfile.read(sent))

    def _answer(self, sent: bytes) -> None:
        done = subprocess.run(
            ["git", "http-backend"], input=sent, env=self._variables(sent), capture_output=True, check=False
        )
        head, found, body = done.stdout.partition(b"\r\n\r\n")
        if not found:
            LOG.error("%s", done.stderr.decode(errors="replace"))
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        headers = BytesHeaderParser().parsebytes(head)
        self.send_response(int(headers.get("Status", "200").split()[0]))
        for name, value in headers.items():
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _variables(self, sent: bytes) -> dict[str, str]:
        """Return what CGI tells of a request (RFC 3875), and what git http-backend has to know besides."""
        url = urlsplit(self.path)
        return {
            "PATH": os.environ["PATH"],
            # Nobody's settings but the repository's own, which may belong to another user.
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(self.root),
            "PATH_INFO": unquote(url.path),
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_LENGTH": str(len(sent)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write one line per request to the log."""
        LOG.info("%s %s", self.client_address[0], format % args)


def serve(root: Path, address: str, port: int) -> ThreadingHTTPServer:
    """Return a server that listens; the caller runs it."""
    handler = type("HandlerOfRoot", (Handler,), {"root": root})
    return ThreadingHTTPServer((address, port), handler)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    serve(given.root, given.address, given.port).serve_forever()


if __name__ == "__main__":
    main()
