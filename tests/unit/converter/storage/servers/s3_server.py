"""An S3 server of this process, as far as the converter asks: HEAD, PUT with conditions, GET, ListObjectsV2, DELETE.

It answers as https://docs.aws.amazon.com/AmazonS3/latest/API/ says; versitygw is what the tests on a cluster use.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.unit.background_server import serving_in_background

BUCKET = "models"


@dataclass
class Bucket:
    """What the server keeps, and how it is unlike others."""

    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    """Content, and headers of an answer about it, by key."""
    ignores_conditions: bool = False
    never_ends: bool = False
    """Whether a listing goes on for ever, with pages that hold nothing."""
    asked: list[str] = field(default_factory=list)
    endpoint: str = ""
    turns_away: Callable[[str, Mapping[str, str]], tuple[int, str, str] | None] = lambda *_: None
    """Returns the status, the code and the words of a refusal, given a request's method and headers."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        refusal = self.bucket.turns_away(self.command, dict(self.headers.items()))
        if refusal is None:
            return True
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._error(*refusal)
        return False

    def do_HEAD(self) -> None:
        key = self._key()
        if key is None or key not in self.bucket.objects:
            return self._answer(404)
        content, headers = self.bucket.objects[key]
        return self._answer(200, headers=headers, length=len(content))

    def do_GET(self) -> None:
        key = self._key()
        if key is None:
            return self._error(404, "NoSuchBucket")
        if key == "":
            return self._list()
        if key not in self.bucket.objects:
            return self._error(404, "NoSuchKey")
        content, headers = self.bucket.objects[key]
        wanted = self.headers.get("If-Match")
        if wanted is not None and wanted != headers["ETag"]:
            return self._error(412, "PreconditionFailed")
        return self._answer(200, content, headers)

    def do_PUT(self) -> None:
        key = self._key()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if key is None:
            return self._error(404, "NoSuchBucket")
        if not self.bucket.ignores_conditions and (refusal := self._refusal(key)) is not None:
            return self._error(*refusal)
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        if self.headers.get("x-amz-checksum-sha256") != checksum:
            return self._error(400, "BadDigest")
        kept = {name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        self.bucket.objects[key] = content, {**kept, "ETag": etag, "x-amz-checksum-sha256": checksum}
        return self._answer(200, headers={"ETag": etag})

    def do_DELETE(self) -> None:
        key = self._key()
        found = self.bucket.objects.get(key or "")
        if key is None:
            return self._error(404, "NoSuchBucket")
        if found is not None and self.headers.get("If-Match", found[1]["ETag"]) != found[1]["ETag"]:
            return self._error(412, "PreconditionFailed")
        self.bucket.objects.pop(key, None)
        return self._answer(204)

    def _refusal(self, key: str) -> tuple[int, str] | None:
        found = self.bucket.objects.get(key)
        if self.headers.get("If-None-Match") == "*" and found is not None:
            return 412, "PreconditionFailed"
        wanted = self.headers.get("If-Match")
        if wanted is not None and found is None:
            return 404, "NoSuchKey"
        if wanted is not None and found is not None and wanted != found[1]["ETag"]:
            return 412, "PreconditionFailed"
        return None

    def _list(self) -> None:
        asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        most, begin = int(asked["max-keys"][0]), asked["prefix"][0]
        after = asked.get("continuation-token", [""])[0]
        keys = [key for key in sorted(self.bucket.objects) if key.startswith(begin) and key > after]
        if self.bucket.never_ends:
            keys = []
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.bucket.objects[key][0])}</Size></Contents>"
            for key in keys[:most]
        )
        more = len(keys) > most or self.bucket.never_ends
        token = f"<NextContinuationToken>{keys[most - 1] if keys else 'on'}</NextContinuationToken>" if more else ""
        self._answer(
            200,
            f"<ListBucketResult>{items}{token}<IsTruncated>{str(more).lower()}</IsTruncated></ListBucketResult>".encode(),
        )

    def _key(self) -> str | None:
        self.bucket.asked.append(f"{self.command} {self.path}")
        bucket, _, key = unquote(urlsplit(self.path).path).removeprefix("/").partition("/")
        return key if bucket == BUCKET else None

    def _error(self, status: int, code: str, words: str = "no") -> None:
        content = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()
        self._answer(status, b"" if self.command == "HEAD" else content)

    def _answer(
        self, status: int, content: bytes = b"", headers: dict[str, str] | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def serving_s3(bucket: Bucket) -> Iterator[Bucket]:
    """Serve a bucket called `models`; its endpoint is known then."""
    handler = type("Handler", (_Handler,), {"bucket": bucket})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving_in_background(server):
        bucket.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        yield bucket
