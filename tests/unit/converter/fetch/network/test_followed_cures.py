"""A proxy, or authorities, that are corrected as a refusal says are taken."""

import shutil
from pathlib import Path

import pytest

from tests.unit import private_authority
from tests.unit.converter.fetch.network.test_authorities_of_a_server import (
    REFERENCE,
    authority,
    mounted,
    mounted_volume,
)
from tests.unit.converter.fetch.network.test_proxy import VARIABLES
from tests.unit.converter.followed import Trial, follow, followed
from tflite_api.names import CA_BUNDLE_ENV
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.fetch.network import ca_bundle, endpoint, proxy

__all__ = ["authority", "mounted"]


def test_authorities_in_pem_are_trusted(tmp_path: Path) -> None:
    private_authority.issue(tmp_path)

    def trusted(content: bytes) -> Trial:
        def trial(folder: Path) -> None:
            (folder / "ca.crt").write_bytes(content)
            ca_bundle.trust({CA_BUNDLE_ENV: str(folder / "ca.crt")}, folder)

        return trial

    good = (tmp_path / "ca.crt").read_bytes()
    words = "Have the administrator correct it"
    follow(followed(words, Reason.INTERNAL_ERROR, trusted(b"not a certificate"), trusted(good)), tmp_path)


def test_authorities_that_a_spec_names_are_trusted_once_they_are_in_pem(
    authority: Path, mounted: Path, tmp_path: Path
) -> None:
    def trusted(content: bytes) -> Trial:
        def trial(_: Path) -> object:
            shutil.rmtree(mounted, ignore_errors=True)
            return ca_bundle.of_server(REFERENCE, mounted_volume(mounted, content), {})

        return trial

    good = (authority / "ca.crt").read_bytes()
    words = "Correct it, then ask for one more run"
    (tmp_path / "tried").mkdir()
    follow(followed(words, Reason.INVALID_SPEC, trusted(b"not a certificate"), trusted(good)), tmp_path / "tried")


def test_an_endpoint_that_is_an_address_is_looked_at(tmp_path: Path) -> None:
    def checked(address: str) -> Trial:
        return lambda _: endpoint.check(address, "destination.s3.endpoint", FetchLimits())

    words = "write for example https://s3.example.com"
    follow(followed(words, Reason.INVALID_SPEC, checked("https://[s3"), checked("https://s3.example.com")), tmp_path)


def test_a_proxy_that_is_an_address_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def named(value: str) -> Trial:
        def trial(_: Path) -> None:
            for variable in VARIABLES:
                monkeypatch.delenv(variable, raising=False)
            monkeypatch.setenv("HTTPS_PROXY", value)
            proxy.check()

        return trial

    follow(
        followed(
            "have the administrator write http://user:password@host:port, with %5B for [ and the like in a password",
            Reason.STORAGE_UNAVAILABLE,
            named("http://me:[se.cret]@proxy.example.com:3128"),
            named("http://me:%5Bse.cret%5D@proxy.example.com:3128"),
        ),
        tmp_path,
    )
