"""What people put into Secrets beside a key is left out, or named with the entry that holds it."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.unit.background_server import serving_in_background
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, location_of, store_of
from tflite_converter.storage.secret_key import Key, Values, read
from tflite_converter.storage.store import Fault, StoreError

KEY_ID, SECRET, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
HOLDER = Key(holder="Secret keys (destination.s3.secretRef)")


class Server(BaseHTTPRequestHandler):
    asked: list[str]

    def do_HEAD(self) -> None:
        self.asked.append(self.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    Server.asked = []
    served = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    with serving_in_background(served):
        yield f"http://127.0.0.1:{served.server_port}"


def look(endpoint: str, **secret: str) -> object:
    where = S3Destination.from_object(
        {"bucket": "models", "key": "a.tflite", "endpoint": endpoint, "secretRef": {"name": "keys", **secret}}
    )
    store = store_of(where, FetchLimits(allow_local_addresses=True))
    return Destination(where, store).look(location_of(where))


@pytest.mark.parametrize("around", ["{}\n", " {}\r\n", "\ufeff{}", "{}\u200b\t"])
def test_what_stands_around_a_key_is_left_out(around: str) -> None:
    given = {name: around.format(name.lower()) for name in (KEY_ID, SECRET, TOKEN)}
    assert read(HOLDER, given) == Values(KEY_ID.lower(), SECRET.lower(), TOKEN.lower())


def test_a_server_never_sees_it(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ID, "minio\n")
    monkeypatch.setenv(SECRET, "minio123\n")
    assert look(endpoint) is not None
    assert Server.asked == ["minio"]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (KEY_ID, "minio minio", "AWS_ACCESS_KEY_ID of Secret keys (destination.s3.secretRef) has white space"),
        (KEY_ID, "a\nb", "has white space or a line break in it"),
        (SECRET, "one\ntwo", "AWS_SECRET_ACCESS_KEY of Secret keys (destination.s3.secretRef) has white space"),
        (TOKEN, "one two", "AWS_SESSION_TOKEN of Secret keys"),
        (KEY_ID, '"minio"', "is in quotation marks: leave them out"),
        (SECRET, "'minio123'", "is in quotation marks"),
        (KEY_ID, "mïnio", "has characters that no key has"),
        (KEY_ID, " \n", "AWS_ACCESS_KEY_ID of Secret keys (destination.s3.secretRef) is empty"),
    ],
)
def test_what_is_in_a_key_is_named_with_its_entry(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    for name, given in {KEY_ID: "minio", SECRET: "minio123", TOKEN: "", variable: value}.items():
        monkeypatch.setenv(name, given)
    with pytest.raises(StepFailure) as caught:
        look("http://127.0.0.1:1")
    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
    assert words in caught.value.message
    assert value.strip() == "" or value not in caught.value.message


def test_a_secret_may_be_a_sentence() -> None:
    found = read(HOLDER, {KEY_ID: "minio", SECRET: "correct horse bättery"})
    assert found == Values("minio", "correct horse bättery", None)


def test_the_entries_are_called_what_the_secret_calls_them() -> None:
    key = Key("MODEL_", "Secret reader (model.s3.secretRef)", {KEY_ID: "accesskey"})
    with pytest.raises(StoreError) as caught:
        read(key, {f"MODEL_{KEY_ID}": "a b", f"MODEL_{SECRET}": "s"})
    assert caught.value.fault is Fault.UNFIT_CREDENTIALS
    assert caught.value.found.startswith("accesskey of Secret reader (model.s3.secretRef) has white space")


def test_what_is_hidden_is_the_key_as_it_is_used() -> None:
    given = {KEY_ID: "minio\n", SECRET: "minio123\n", TOKEN: "t"}
    assert Key().hidden("minio minio123 at t", given) == "… … at t"


def test_an_entry_has_the_name_that_the_secret_has_for_it(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ID, "minio")
    monkeypatch.setenv(SECRET, "two\nlines")
    with pytest.raises(StepFailure) as caught:
        look(endpoint, entries="rootUser/rootPassword")
    assert caught.value.message.startswith("rootPassword of Secret keys (destination.s3.secretRef) has white space")
