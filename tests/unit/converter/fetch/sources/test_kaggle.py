"""Kaggle's models, through kagglehub, from a local server that speaks Kaggle's protocol: see kaggle_server.py."""

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit import private_authority
from tests.unit.converter.fetch.archive.archives import pack, plain
from tests.unit.converter.fetch.sources.kaggle_server import Kaggle, serving, serving_with_tls
from tests.unit.converter.fetch.test_fetched import FILES, contents
from tests.unit.tls_server import speaking_tls
from tflite_api.reasons import Reason
from tflite_api.sources.model_source import ModelSource
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.digests import folder_digest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import model
from tflite_converter.fetch.fetched import FetchedModel, Place

HOLDER = "kaggle"
HANDLE = "team/tiny/tensorFlow2/small/2"
ARCHIVE = gzip.compress(pack(*(plain(name, content) for name, content in FILES.items())))


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kaggle]:
    from kagglesdk import kaggle_env

    server = Kaggle({1: b"an older one", 2: ARCHIVE, 3: gzip.compress(pack(plain("model.keras")))})
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_API_ENVIRONMENT", "KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    # Whoever runs the tests may have credentials of their own in their home.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_USERNAME", "team")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key")
    with serving(server) as address:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, address)
        yield server


def fetched(
    tmp_path: Path, handle: str = HANDLE, holder: str | None = HOLDER, limits: FetchLimits | None = None
) -> FetchedModel:
    folder, scratch = tmp_path / "unpacked", tmp_path / "scratch"
    folder.mkdir(parents=True)
    scratch.mkdir()
    source = {"handle": handle} | ({"secretRef": {"name": holder}} if holder else {})
    place = Place(folder, scratch, limits or FetchLimits(), LoggedProgress())
    try:
        return model.fetch(ModelSource.from_object({"kaggle": source}), place)
    finally:
        assert list(scratch.iterdir()) == []


def refused(tmp_path: Path, **given: str | FetchLimits | None) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        fetched(tmp_path, **given)  # type: ignore[arg-type] # whichever they are
    assert "secret-key" not in caught.value.message
    return caught.value


def test_a_version_is_fetched_whole_with_the_credentials(kaggle: Kaggle, tmp_path: Path) -> None:
    found = fetched(tmp_path)
    assert contents(found.folder) == FILES
    assert found.digest == f"sha256:{folder_digest(found.folder)}"
    assert [asked[0] for asked in kaggle.asked] == ["DownloadModelInstanceVersion", "/storage/2"]
    assert kaggle.asked[0][1]["framework"] == "MODEL_FRAMEWORK_TENSOR_FLOW_2"


def test_an_authority_that_states_no_key_usage_is_trusted(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of a company that reads along shows a certificate of its own for Kaggle."""
    from kagglesdk import kaggle_env

    private_authority.issue(tmp_path)
    private_authority.be_strict(monkeypatch)
    with serving_with_tls(kaggle, private_authority.served_by(tmp_path)) as address:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, address)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        assert refused(tmp_path / "one").reason is Reason.SERVER_UNREACHABLE
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.crt"))
        assert contents(fetched(tmp_path / "other").folder) == FILES


def test_without_a_version_the_latest_is_taken(kaggle: Kaggle, tmp_path: Path) -> None:
    del kaggle.archives[3]
    assert contents(fetched(tmp_path, "team/tiny/tensorFlow2/small").folder) == FILES
    assert kaggle.asked[0][0] == "GetModelInstance"


def test_a_public_model_needs_no_credentials(kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle.private = False
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    assert contents(fetched(tmp_path, holder=None).folder) == FILES
    assert {authorization for *_, authorization in kaggle.asked} == {""}


def test_credentials_that_are_refused_are_named(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "another-secret-key")
    failure = refused(tmp_path)
    assert failure.reason is Reason.MODEL_ACCESS_DENIED
    assert "Kaggle refused the credentials of Secret kaggle (model.kaggle.secretRef)" in failure.message
    assert "accept the model's terms" in failure.message


def test_white_space_around_credentials_is_left_out(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", " team")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key\n")
    assert contents(fetched(tmp_path).folder) == FILES


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("KAGGLE_KEY", "'secret-key'", "is in quotation marks: leave them out"),
        ("KAGGLE_KEY", '{"username": "team", "key": "secret-key"}', "has white space or a line break in it"),
        ("KAGGLE_KEY", "\n", "is empty"),
        ("KAGGLE_USERNAME", "t\u00e9am", "has characters that no key has"),
    ],
)
def test_what_can_be_no_credentials_is_named(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    failure = refused(tmp_path)
    assert failure.reason is Reason.CREDENTIALS_REFUSED
    assert f"{variable} of Secret kaggle (model.kaggle.secretRef) {words}" in failure.message
    assert kaggle.asked == []


def test_a_model_that_asks_for_credentials_says_where_to_name_them(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    failure = refused(tmp_path, holder=None)
    assert failure.reason is Reason.MODEL_ACCESS_DENIED
    assert "set model.kaggle.secretRef" in failure.message


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ("team/tiny/tensorFlow2/large/1", "correct model.kaggle.handle"),
        ("team/tiny/tensorFlow9/small/1", "no framework tensorFlow9"),
    ],
)
def test_what_kaggle_does_not_know_is_named(kaggle: Kaggle, tmp_path: Path, handle: str, words: str) -> None:
    failure = refused(tmp_path, handle=handle)
    assert failure.reason is Reason.MODEL_NOT_FOUND
    assert words in failure.message


def test_a_model_that_is_no_saved_model_is_named(kaggle: Kaggle, tmp_path: Path) -> None:
    failure = refused(tmp_path, handle="team/tiny/keras/small/3")
    assert failure.reason is Reason.NOT_A_SAVED_MODEL
    assert failure.message == "model.kaggle.handle holds no saved_model.pb at its top, but model.keras"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(kaggle: Kaggle, tmp_path: Path, status: int) -> None:
    kaggle.status = status
    failure = refused(tmp_path)
    assert failure.reason is Reason.MODEL_UNAVAILABLE
    assert str(status) in failure.message


def test_a_server_that_nobody_finds_is_no_fault_of_the_handle(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = refused(tmp_path)
    assert failure.reason is Reason.SERVER_UNREACHABLE
    assert failure.message.startswith("https://www.kaggle.com has a host name that does not exist: ")
    assert "CONVERTER_HTTPS_PROXY" in failure.message
    assert "model.kaggle.handle" not in failure.message


def test_an_unknown_authority_is_said(kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kagglesdk import kaggle_env

    with speaking_tls(tmp_path) as address:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, address)
        failure = refused(tmp_path)
    assert failure.reason is Reason.SERVER_UNREACHABLE
    assert "has a certificate of an unknown authority: have the administrator add" in failure.message


def test_the_limit_of_size_holds(kaggle: Kaggle, tmp_path: Path) -> None:
    assert refused(tmp_path, limits=FetchLimits(max_archive_bytes=100)).reason is Reason.MODEL_TOO_LARGE


def test_the_limit_of_time_holds(kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr("tflite_converter.fetch.receiver.time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert "within 60 s" in refused(tmp_path, limits=FetchLimits(timeout_seconds=60)).message


def test_kaggle_out_of_reach_is_tried_again(kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:1")
    failure = refused(tmp_path)
    assert failure.reason is Reason.MODEL_UNAVAILABLE
    assert "127.0.0.1" not in failure.message
