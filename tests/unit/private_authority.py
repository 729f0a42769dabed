"""A certificate authority as companies make their own: `openssl req -x509`, and so without a key-usage extension."""

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def issue(folder: Path) -> None:
    """Make an authority's ca.crt, and server.crt and server.key for localhost, in a folder."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-subj", "/CN=Private", "-keyout", "ca.key", "-out", "ca.crt")
    signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:localhost"]
    openssl("req", "-x509", *key, "-subj", "/CN=localhost", *signed, "-keyout", "server.key", "-out", "server.crt")


def served_by(folder: Path) -> ssl.SSLContext:
    """Return what a server needs to show the certificate that `issue` made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context


def be_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every Python check certificates as 3.13 does by default: its own ssl, and urllib3 after it."""
    import urllib3.connection

    for module, name in ((ssl, "create_default_context"), (urllib3.connection, "create_urllib3_context")):
        monkeypatch.setattr(module, name, _strict(getattr(module, name)))


def _strict(made: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    def strict(*given: Any, **named: Any) -> ssl.SSLContext:
        context = made(*given, **named)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    return strict
