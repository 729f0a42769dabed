"""A destination's server that is named, or corrected, as its refusal says is written to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.unit.background_server import serving_in_background
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.storage.servers.s3_server import Bucket, serving_s3
from tests.unit.tls_server import LOOPBACK, speaking_tls
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, location_of, store_of
from tflite_converter.storage.store import Upload

INVALID, REFUSED = Reason.INVALID_SPEC, Reason.STORAGE_REFUSED
CONTENT = b"an artifact"
Turning = Callable[[str, Mapping[str, str]], tuple[int, str, str] | None]


pytestmark = pytest.mark.usefixtures("impatient_keys")


def in_region(region: str) -> Turning:
    """Return what turns away all that is signed for another region, in words of Amazon S3."""

    def turn(_: str, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        if f"/{region}/s3/" in headers.get("Authorization", ""):
            return None
        words = f"The authorization header is malformed; the region is wrong; expecting '{region}'"
        return 400, "AuthorizationHeaderMalformed", words

    return turn


def of_uploads(status: int, code: str, words: str, unless: str = "") -> Turning:
    """Return what turns away uploads, but for those with a header."""

    def turn(method: str, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        has_it = unless and unless in {name.lower() for name in headers}
        return (status, code, words) if method == "PUT" and not has_it else None

    return turn


def uploaded(turns_away: Turning | None = None, **where: Any) -> Trial:
    """Return what uploads to a server that turns some away."""

    def trial(_: Path) -> None:
        bucket = Bucket(turns_away=turns_away) if turns_away is not None else Bucket()
        with serving_s3(bucket):
            given = {"bucket": "models", "key": "a.tflite", "endpoint": bucket.endpoint, "secretRef": {"name": "s"}}
            _upload(S3Destination.from_object(given | where))

    return trial


def _upload(where: S3Destination) -> None:
    destination = Destination(where, store_of(where, FetchLimits(allow_local_addresses=True)))
    at = location_of(where)
    destination.look(at)
    destination.upload(at, Upload(BytesIO(CONTENT), sha256(CONTENT).hexdigest(), "application/octet-stream", {}), None)


def at_plain_server(scheme: str) -> Trial:
    """Return what uploads to a server without TLS."""

    def trial(_: Path) -> None:
        with serving_s3(Bucket()) as served:
            endpoint = served.endpoint.replace("http:", f"{scheme}:")
            given = {"bucket": "models", "key": "a.tflite", "endpoint": endpoint, "secretRef": {"name": "s"}}
            _upload(S3Destination.from_object(given))

    return trial


ENCRYPTED = "x-amz-server-side-encryption"
FOLLOWED: list[Followed] = [
    followed(
        "write eu-central-1 in destination.s3.region",
        INVALID,
        uploaded(in_region("eu-central-1")),
        uploaded(in_region("eu-central-1"), region="eu-central-1"),
    ),
    *(
        followed(
            words,
            reason,
            uploaded(of_uploads(*answer, unless=ENCRYPTED)),
            uploaded(of_uploads(*answer, unless=ENCRYPTED), encryption={"type": "SSE-S3"}),
            uploaded(),
        )
        for words, reason, answer in (
            (
                "set destination.s3.encryption where a policy of the bucket demands that",
                Reason.CREDENTIALS_REFUSED,
                (403, "AccessDenied", "Access Denied"),
            ),
            (
                "Set destination.s3.encryption if that policy demands encryption, or have the bucket's owner change it",
                Reason.CREDENTIALS_REFUSED,
                (403, "AccessDenied", "not authorized: with an explicit deny in a resource-based policy"),
            ),
            (
                "set destination.s3.encryption to what it asks for, or leave it out where it knows none",
                REFUSED,
                (400, "InvalidRequest", "server-side encryption is required"),
            ),
        )
    ),
    followed("write http:// in destination.s3.endpoint", INVALID, at_plain_server("https"), at_plain_server("http")),
    followed(
        "Free some room or raise the quota",
        REFUSED,
        uploaded(of_uploads(507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold")),
        uploaded(),
    ),
    followed(
        "Raise that limit (nginx calls it client_max_body_size)",
        REFUSED,
        uploaded(of_uploads(413, "EntityTooLarge", "too large")),
        uploaded(),
    ),
    followed(
        "correct destination.s3.endpoint, or destination.s3.region if there is none",
        Reason.SERVER_UNREACHABLE,
        uploaded(endpoint="https://no-such-host.invalid"),
        uploaded(),
    ),
]


def test_a_web_page_is_no_store(tmp_path: Path) -> None:
    class Console(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = b"<!DOCTYPE html><title>Console</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(page)

        do_HEAD = do_PUT = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Console)
    with serving_in_background(served):
        words = "write the address of its S3 API in destination.s3.endpoint, not that of a console or a login page"
        page = uploaded(endpoint=f"http://127.0.0.1:{served.server_port}")
        follow(followed(words, INVALID, page, uploaded()), tmp_path)


@pytest.mark.parametrize(
    ("days", "name"), [(2, x509.DNSName("s3.example.com")), (-1, LOOPBACK)], ids=["another name", "expired"]
)
def test_a_certificate_that_is_renewed_or_for_the_name_is_trusted(
    days: int, name: x509.GeneralName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(days: int, name: x509.GeneralName) -> Trial:
        """Return what asks a server with such a certificate; it knows nothing of S3, and says so."""

        def trial(folder: Path) -> None:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(folder / "tls.crt"))
            with speaking_tls(folder, days, name) as endpoint, suppress_unlike(Reason.SERVER_UNREACHABLE):
                uploaded(endpoint=endpoint)(folder)

        return trial

    words = "have it renewed, or write the host name that it is for in destination.s3.endpoint"
    follow(followed(words, Reason.SERVER_UNREACHABLE, asked(days, name), asked(2, LOOPBACK)), tmp_path)


@contextmanager
def suppress_unlike(reason: Reason) -> Iterator[None]:
    """Let pass what fails for any other reason: the connection was made."""
    try:
        yield
    except StepFailure as failure:
        if failure.reason is reason:
            raise


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
