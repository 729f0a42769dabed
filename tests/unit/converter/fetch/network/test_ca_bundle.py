"""An authority of the administrator's is trusted beside the public ones, by every client: against a real TLS server."""

import logging
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import certifi
import pytest

from tests.unit import private_authority
from tests.unit.background_server import serving_in_background
from tests.unit.converter.fetch.web_server import CONTENT, Handler
from tflite_api.names import CA_BUNDLE_ENV
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.http import dataset, fetch
from tflite_converter.fetch.network import ca_bundle
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import Location, Server, StoreError

SUBJECT = dataset("quantization.calibration.dataset")
LOCAL = FetchLimits(allow_local_addresses=True)


class Files(Handler):
    def do_HEAD(self) -> None:  # noqa: N802 - the name that http.server looks for
        self.send_response(200)
        self.send_header("ETag", "an object")
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serving_files(authority: Path) -> Iterator[str]:
    """Serve over TLS with the certificate that an authority's folder holds; the address is yielded."""
    served = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    served.socket = private_authority.served_by(authority).wrap_socket(served.socket, server_side=True)
    with serving_in_background(served):
        yield f"https://localhost:{served.server_port}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's ca.crt, and server.crt and server.key for localhost."""
    folder = tmp_path_factory.mktemp("authority")
    private_authority.issue(folder)
    return folder


@pytest.fixture
def server(authority: Path) -> Iterator[str]:
    with serving_files(authority) as address:
        yield address


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """This process' environment, which the test changes."""
    before = dict(os.environ)
    yield monkeypatch
    os.environ.clear()
    os.environ.update(before)


def look_at(server: str) -> str | None:
    found = S3Store(Server(server), Key()).head(Location("models", "a"))
    return None if found is None else found.etag


def test_downloads_and_the_storage_trust_the_bundle_though_its_authority_states_no_key_usage(
    server: str, authority: Path, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    private_authority.be_strict(environment)
    environment.setenv("AWS_ACCESS_KEY_ID", "a")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with pytest.raises(StepFailure, match="has a certificate of an unknown authority") as refused:
        fetch(f"{server}/a", tmp_path / "a", LOCAL, LoggedProgress(), SUBJECT)
    assert refused.value.reason is Reason.SERVER_UNREACHABLE
    with pytest.raises(StoreError, match="a certificate of an unknown authority"):
        look_at(server)

    environment.setenv(CA_BUNDLE_ENV, str(authority / "ca.crt"))
    ca_bundle.trust(os.environ, tmp_path)

    fetch(f"{server}/a", tmp_path / "a", LOCAL, LoggedProgress(), SUBJECT)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert look_at(server) == "an object"


def number_in(bundle: str) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    return len(context.get_ca_certs())


def test_the_public_authorities_are_trusted_as_before(authority: Path, tmp_path: Path) -> None:
    told = {CA_BUNDLE_ENV: str(authority / "ca.crt")}
    ca_bundle.trust(told, tmp_path)
    assert number_in(told["SSL_CERT_FILE"]) == number_in(certifi.where()) + 1 > 100


def test_without_a_bundle_nothing_changes(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    ca_bundle.trust(told, tmp_path)
    assert told == {}
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_is_not_in_the_namespace_is_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = {CA_BUNDLE_ENV: str(tmp_path / "absent")}
    with caplog.at_level(logging.WARNING):
        ca_bundle.trust(told, tmp_path)
    assert set(told) == {CA_BUNDLE_ENV}
    assert "only public authorities are trusted" in caplog.text


def test_what_is_no_bundle_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("not a certificate")
    with pytest.raises(StepFailure, match=r"CONVERTER_CA_CONFIG_MAP.*CONVERTER_CA_KEY") as caught:
        ca_bundle.trust({CA_BUNDLE_ENV: str(tmp_path / "ca.crt")}, tmp_path)
    assert caught.value.reason is Reason.INTERNAL_ERROR
