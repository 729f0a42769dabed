"""What of this machine's settings reaches builds."""

from pathlib import Path

from dev.building.images import certificates, pip_configuration
from dev.building.venv import parse_pip_configuration, uv_environment


def test_pip_settings_reach_uv_and_image_builds() -> None:
    listed = (
        ":env:.index-url='https://one.example/simple'\nglobal.index-url='https://two.example'\nglobal.cert='/ca.pem'\n"
    )
    settings = parse_pip_configuration(listed)
    assert settings == {"index-url": "https://one.example/simple", "cert": "/ca.pem"}
    cache = Path("/c/.cache")
    assert uv_environment({}, settings, cache)["UV_DEFAULT_INDEX"] == "https://one.example/simple"
    assert uv_environment({"UV_DEFAULT_INDEX": "mine"}, settings, cache)["UV_DEFAULT_INDEX"] == "mine"
    assert "UV_DEFAULT_INDEX" not in uv_environment({}, {}, cache)
    content = pip_configuration({**settings, "find-links": "/wheels"}, has_bundle=True)
    expected = "cert = /etc/ssl/certs/ca-certificates.crt\nindex-url = https://one.example/simple"
    assert content == f"[global]\n{expected}\n"


def test_first_certificate_bundle_that_exists(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    assert certificates({"SSL_CERT_FILE": str(bundle)}, {"cert": str(tmp_path / "absent")}) == bundle
