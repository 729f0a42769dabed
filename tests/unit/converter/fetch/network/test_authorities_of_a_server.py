"""The authorities that a spec names are trusted at its server alone: against a real TLS server."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit import private_authority
from tests.unit.converter.fetch.network.test_ca_bundle import number_in, serving_files
from tflite_api.authorities import OF_DESTINATION, OF_MODEL, AuthoritiesReference, AuthoritiesVolume
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.sources.s3 import S3Source
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.fetched import Place
from tflite_converter.fetch.network import ca_bundle
from tflite_converter.fetch.sources import s3 as source
from tflite_converter.steps import destination
from tflite_converter.steps.destination import Destination, location_of, store_of

LOCAL = FetchLimits(allow_local_addresses=True)
NAMED: dict[str, Any] = {"caConfigMapRef": {"name": "storage-ca"}}
REFERENCE = AuthoritiesReference(name="storage-ca")


class Mounted(AuthoritiesVolume):
    """A volume that is mounted in a folder of a test's."""

    root = Path()

    @property
    def folder(self) -> str:
        return str(self.root / self.name)


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the volumes are; nothing is mounted yet."""
    monkeypatch.setattr(Mounted, "root", tmp_path / "etc")
    for module, name, volume in (
        (destination, "OF_DESTINATION", OF_DESTINATION),
        (source, "OF_MODEL", OF_MODEL),
    ):
        monkeypatch.setattr(module, name, Mounted(volume.name, volume.server))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return tmp_path / "etc"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A folder with an authority's ca.crt, and server.crt and server.key for localhost."""
    folder = tmp_path / "authority"
    folder.mkdir()
    private_authority.issue(folder)
    return folder


@pytest.fixture
def server(authority: Path) -> Iterator[str]:
    with serving_files(authority) as address:
        yield address


def mount(mounted: Path, volume: AuthoritiesVolume, content: bytes) -> None:
    (mounted / volume.name).mkdir(parents=True)
    (mounted / volume.name / "ca.crt").write_bytes(content)


def look_at(server: str, **fields: Any) -> str | None:
    where = S3Destination.from_object(
        {"bucket": "models", "key": "a", "endpoint": server, "secretRef": {"name": "keys"}, **fields}
    )
    found = Destination(where, store_of(where, LOCAL)).look(location_of(where))
    return None if found is None else found.etag


def test_a_destination_is_trusted_by_the_authority_that_it_names_and_not_without(
    server: str, authority: Path, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_authority.be_strict(monkeypatch)
    mount(mounted, OF_DESTINATION, (authority / "ca.crt").read_bytes())
    assert look_at(server, **NAMED) == "an object"
    with pytest.raises(StepFailure, match="a certificate of an unknown authority") as refused:
        look_at(server)
    assert refused.value.reason is Reason.SERVER_UNREACHABLE
    assert "name a ConfigMap with that authority in destination.s3.caConfigMapRef, or have" in refused.value.message


def test_a_model_is_trusted_by_the_authority_that_it_names_and_not_by_the_destination_s(
    tmp_path: Path, server: str, authority: Path, mounted: Path
) -> None:
    """The server has the object, which is no archive."""
    (tmp_path / "unpacked").mkdir()
    place = Place(tmp_path / "unpacked", tmp_path, LOCAL, LoggedProgress())
    fields = {"bucket": "training", "key": "a.zip", "endpoint": server}
    mount(mounted, OF_DESTINATION, (authority / "ca.crt").read_bytes())
    with pytest.raises(StepFailure, match=r"unknown authority.*model\.s3\.caConfigMapRef") as refused:
        source.fetch(S3Source.from_object(fields), None, place)
    assert refused.value.reason is Reason.SERVER_UNREACHABLE
    mount(mounted, OF_MODEL, (authority / "ca.crt").read_bytes())
    with pytest.raises(StepFailure) as answered:
        source.fetch(S3Source.from_object(fields | NAMED), None, place)
    assert answered.value.reason is Reason.NOT_A_SAVED_MODEL


def mounted_volume(mounted: Path, content: bytes) -> AuthoritiesVolume:
    mount(mounted, OF_DESTINATION, content)
    return Mounted(OF_DESTINATION.name, OF_DESTINATION.server)


def test_it_comes_beside_the_public_ones_or_those_of_the_administrator(
    tmp_path: Path, authority: Path, mounted: Path
) -> None:
    own = (authority / "ca.crt").read_bytes()
    volume = mounted_volume(mounted, own)
    public = ca_bundle.of_server(REFERENCE, volume, {})
    assert public is not None
    assert number_in(str(public)) > 100
    (tmp_path / "other").mkdir()
    private_authority.issue(tmp_path / "other")
    told = {"AWS_CA_BUNDLE": str(tmp_path / "other/ca.crt")}
    both = ca_bundle.of_server(REFERENCE, volume, told)
    assert both is not None
    assert number_in(str(both)) == 2
    assert told == {"AWS_CA_BUNDLE": str(tmp_path / "other/ca.crt")}, "no other client trusts it"


def test_where_none_is_named_there_is_none() -> None:
    assert ca_bundle.of_server(None, OF_DESTINATION, {}) is None


def test_on_ones_own_machine_the_log_says_what_to_use(mounted: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert ca_bundle.of_server(REFERENCE, Mounted(OF_MODEL.name, OF_MODEL.server), {}) is None
    assert "storage-ca (model.s3.caConfigMapRef)" in caplog.text
    assert "AWS_CA_BUNDLE" in caplog.text


@pytest.mark.parametrize("content", [b"", b"not a certificate"])
def test_what_is_no_certificate_is_named_with_its_field(mounted: Path, content: bytes) -> None:
    volume = mounted_volume(mounted, content)
    with pytest.raises(StepFailure) as caught:
        ca_bundle.of_server(REFERENCE, volume, {})
    assert caught.value.reason is Reason.INVALID_SPEC
    assert "ConfigMap storage-ca (destination.s3.caConfigMapRef) holds no certificates" in caught.value.message
    assert "under the key ca.crt" in caught.value.message
