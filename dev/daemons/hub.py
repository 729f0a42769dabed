"""A small Hub: any SavedModel folder below its root is served as tensorflow_hub asks for it.

* `GET /NAME/VERSION?tf-hub-format=compressed`: the folder as tar.gz, or the file `NAME/VERSION.tar.gz`
* `GET /any/file`: that file as it is
* `GET /NAME/VERSION?tf-hub-format=compressed`: 302 to the URL in the file `NAME/VERSION.location`, where there is one
* everything else: 404
"""

import argparse
import logging
import shutil
import tempfile
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, unquote, urlsplit

from dev.host import archive

PORT = 7080
LOG = logging.getLogger("hub")
# An archive larger than this is put together on disk instead of in memory.
IN_MEMORY = 64 * 1024 * 1024


def locate(root: Path, path: str, compressed: bool) -> Path | None:
    """Return the file or folder that a request's path means; none outside the root, wherever links lead."""
    root = root.resolve()
    parts = unquote(path).strip("/").split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        return None
    plain = root.joinpath(*parts)
    candidates = [plain]
    if compressed:
        candidates.append(plain.with_name(plain.name + ".tar.gz"))
    for candidate in candidates:
        real = candidate.resolve()
        if not real.is_relative_to(root):
            continue
        if real.is_file() or (compressed and real.is_dir()):
            return real
    return None


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    root: Path
    # A client that stays silent does not hold its thread for ever.
    timeout = 60

    def do_GET(self) -> None:
        """Send what was asked for."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Send the headers of what was asked for."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        url = urlsplit(self.path)
        compressed = parse_qs(url.query).get("tf-hub-format") == ["compressed"]
        location = locate(self.root, f"{url.path}.location", compressed=False)
        if location is not None:
            self._redirect(location.read_text())
            return
        found = locate(self.root, url.path, compressed)
        if found is None:
            self._missing(body=body)
        elif found.is_dir():
            with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as packed:
                archive.pack(found, packed)
                self._send(packed, "application/x-tar", body=body)
        else:
            with found.open("rb") as file:
                self._send(file, "application/octet-stream", body=body)

    def _send(self, content: IO[bytes], content_type: str, *, body: bool) -> None:
        size = content.seek(0, 2)
        content.seek(0)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if body:
            shutil.copyfileobj(content, self.wfile)

    def _redirect(self, to: str) -> None:
        # A line break would let the asker write headers of their own.
        target = "".join(letter for letter in to if letter.isprintable())
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _missing(self, *, body: bool) -> None:
        message = b"no such model\n"
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(message)))
        self.end_headers()
        if body:
            self.wfile.write(message)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write one line per request to the log."""
        LOG.info("%s %s", self.client_address[0], format % args)


class Server(ThreadingHTTPServer):
    """One thread per request: a hundred pods may ask at once."""

    daemon_threads = True
    request_queue_size = 128


def serve(root: Path, address: str, port: int) -> ThreadingHTTPServer:
    """Return a server that listens; the caller runs it."""
    handler = type("HandlerOfRoot", (Handler,), {"root": root})
    return Server((address, port), handler)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("address")
    parser.add_argument("--port", type=int, default=PORT)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    serve(given.root, given.address, given.port).serve_forever()


if __name__ == "__main__":
    main()
