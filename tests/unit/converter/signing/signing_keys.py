"""Keys for tests, in the forms in which people keep them."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from nacl.secret import SecretBox

P256 = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
PASSWORD = b"correct horse"

# What `cosign generate-key-pair` (2.6.5) wrote with the password "staple"; it signs nothing but tests.
COSIGN_KEY = b"""\
-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJoNGRvbDZkTUdMTXViTXFuWngwTWZWelNFVitoZzNj
VHllWWF6Z2lTNHdNPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiIvOUVXM0ZCWEg4RnFSbFJJcW9rNjdRbVJyaGoyWWtaMyJ9LCJj
aXBoZXJ0ZXh0Ijoib0I2R3hIdWF1N2VPdmdnQ3FhYjJ0MllmS0NEUWtycThaZkJD
cUFrVm4vMTZvN0lWY05nM1Y3cEV0eld6U3hQbUhEamplcHFINHlEc3R6bHkxbmtx
aDhKSysxWXMrbk5DdFFSL1drN09STmdkcHF3N1FlSXpwMjE2V2dnc0h1bk10TE1S
eXZUZUV6K2ljc1A3QWxvQVBsVnA2aTAvTzFHRGRyTkJNbGZzeFVNK2VBQjJYejdj
WUZLR3Mvd1JvYms2a0REVjE5cWdWcnljaWc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
"""
COSIGN_PUBLIC_KEY = b"""\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs/Tj/UukpRm7a1+nthw6JjwSaaf/
M/tDPorT8t0pjm0WsnuSOZ5z6E96RwhiX5LIqiRICl8vtL8IEAXuiXmcZg==
-----END PUBLIC KEY-----
"""


def pkcs8(key: Any, password: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    given: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return given


def traditional(key: Any) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    given: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return given


def public(key: Any) -> bytes:
    given: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return given


def as_cosign(content: bytes, password: bytes = PASSWORD, **changes: Any) -> bytes:
    """Write something in the form in which cosign keeps keys; `changes` replace parameters of its scrypt."""
    salt, cost = b"s" * 32, {"N": 32768, "r": 8, "p": 1} | changes
    key = Scrypt(salt=salt, length=32, n=cost["N"], r=cost["r"], p=cost["p"]).derive(password)
    sealed = SecretBox(key).encrypt(content)
    encrypted = {
        "kdf": {"name": "scrypt", "params": cost, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(sealed.nonce).decode()},
        "ciphertext": base64.b64encode(sealed.ciphertext).decode(),
    }
    return pem("ENCRYPTED SIGSTORE PRIVATE KEY", json.dumps(encrypted).encode())


def pem(label: str, content: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n".encode()


def der(key: Any) -> bytes:
    given: bytes = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return given
