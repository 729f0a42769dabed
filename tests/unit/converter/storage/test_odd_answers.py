"""An S3 server may answer anything: whatever botocore trips over in it is a reason."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.unit.background_server import serving_in_background
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.store import Fault, Location, Server, StoreError

AT = Location("models", "a.tflite")
LISTED = "<ListBucketResult><Contents>{}</Contents></ListBucketResult>"


@contextmanager
def answering(body: str = "", **headers: str) -> Iterator[S3Store]:
    """A store whose server gives the same answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(200)
            told = {"Content-Length": str(len(body)), "Content-Type": "application/xml"}
            for name, value in (told | {name.replace("_", "-"): value for name, value in headers.items()}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        def do_GET(self) -> None:
            self.answer()

        def do_HEAD(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving_in_background(served):
        yield S3Store(Server(f"http://127.0.0.1:{served.server_port}"), Nobody())


def read(store: S3Store) -> None:
    with store.get(AT) as found:
        found.body.read(10)


@pytest.mark.parametrize("ask", [lambda store: store.head(AT), read], ids=["head", "get"])
@pytest.mark.parametrize("headers", [{"Last_Modified": "no time"}, {"Expires": "\x7f"}, {"x_amz_missing_meta": "many"}])
def test_headers_that_make_no_sense_are_a_reason_or_passed_over(
    ask: Callable[[S3Store], Any], headers: dict[str, str]
) -> None:
    with answering("content", **headers) as store:
        try:
            ask(store)
        except StoreError as error:
            assert error.fault is Fault.UNAVAILABLE
            assert "makes no sense" in error.found


@pytest.mark.parametrize(
    "item",
    [
        "<Key>a</Key><Size>1</Size><LastModified>no time</LastModified>",
        "<Key>a</Key><Size>many</Size>",
        "<Key>a</Key>",
        "<Size>1</Size>",
        "",
    ],
)
def test_a_listing_that_makes_no_sense_is_a_reason(item: str) -> None:
    with answering(LISTED.format(item)) as store, pytest.raises(StoreError) as caught:
        store.list(AT, 10)
    assert caught.value.fault is Fault.UNAVAILABLE
    assert "about s3://models/a.tflite makes no sense" in caught.value.found


@pytest.mark.parametrize("body", ["no XML", "<a>", "<ListBucketResult/>", "{}"])
def test_a_listing_that_is_none_is_a_reason_or_empty(body: str) -> None:
    with answering(body) as store:
        try:
            assert store.list(AT, 10) == []
        except StoreError as error:
            assert error.fault is Fault.UNAVAILABLE
