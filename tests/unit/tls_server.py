"""A server on this machine that speaks TLS with a certificate of its own making."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.unit.background_server import serving_in_background

LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))


def issue(folder: Path, days: int = 2, name: x509.GeneralName = LOOPBACK) -> tuple[Path, Path]:
    """Make a certificate that signed itself, `tls.crt`, which ends so many days from now, and its key, `tls.key`."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "storage")])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=days))
    made = made.add_extension(x509.SubjectAlternativeName([name]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate, private = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


@contextmanager
def speaking_tls(folder: Path, days: int = 2, name: x509.GeneralName = LOOPBACK) -> Iterator[str]:
    """Serve with a new certificate, as `issue` makes it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issue(folder, days, name))
    served = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    served.socket = context.wrap_socket(served.socket, server_side=True)
    with serving_in_background(served):
        yield f"https://127.0.0.1:{served.server_port}"
