"""A key is read in every form that people keep it in, and what is none is named without a word of it."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization

from tests.unit.converter.signing.signing_keys import (
    COSIGN_KEY,
    COSIGN_PUBLIC_KEY,
    ED25519,
    P256,
    P384,
    PASSWORD,
    RSA,
    as_cosign,
    der,
    pem,
    pkcs8,
    public,
    traditional,
)
from tflite_converter.signing.keys import KeyRefusedError, PrivateKey, fingerprint, read_private, read_public

PUBLIC_PEM = public(P256)


@pytest.mark.parametrize(
    ("text", "password", "key"),
    [
        (pkcs8(P256), b"", P256),
        (pkcs8(ED25519), b"", ED25519),
        (pkcs8(P256), b"a password that it does not need", P256),
        (traditional(P256), b"", P256),
        (pkcs8(P256, PASSWORD), PASSWORD, P256),
        (as_cosign(der(P256)), PASSWORD, P256),
        (as_cosign(der(ED25519), b""), b"", ED25519),
        (b"made on Tuesday\n" + pkcs8(P256) + b"\n", b"", P256),
    ],
    ids=[
        "PKCS 8",
        "PKCS 8, Ed25519",
        "an unneeded password",
        "traditional",
        "encrypted",
        "cosign",
        "cosign, no password",
        "words before it",
    ],
)
def test_a_private_key_is_read_as_people_keep_it(text: bytes, password: bytes, key: PrivateKey) -> None:
    assert public(read_private(text, password)) == public(key)


def test_a_key_that_cosign_made_is_read() -> None:
    assert public(read_private(COSIGN_KEY, b"staple")) == COSIGN_PUBLIC_KEY


REFUSED = {
    "nothing": (b"", b"", "no PEM"),
    "words": (b"hunter2", b"", "no PEM"),
    "bytes": (b"\xff\xfe\0", b"", "no PEM"),
    "a public key": (PUBLIC_PEM, b"", "it holds a PUBLIC KEY"),
    "a certificate": (pem("CERTIFICATE", b"x"), b"", "it holds a CERTIFICATE"),
    "an RSA key": (pkcs8(RSA), b"", "ECDSA P-256 and Ed25519"),
    "an RSA key of old": (traditional(RSA), b"", "ECDSA P-256 and Ed25519"),
    "another curve": (pkcs8(P384), b"", "secp384r1"),
    "another curve from cosign": (as_cosign(der(P384)), PASSWORD, "secp384r1"),
    "a damaged key": (pem("PRIVATE KEY", b"junk"), b"", "damaged"),
    "a wrong password": (as_cosign(der(P256)), b"guess", "its password is another one"),
    "no password": (as_cosign(der(P256)), b"", "its password is another one"),
    "a wrong password of PKCS #8": (pkcs8(P256, PASSWORD), b"guess", "its password is another one"),
    "no password of PKCS #8": (pkcs8(P256, PASSWORD), b"", "its password is another one"),
    "a damaged key of cosign": (pem("ENCRYPTED SIGSTORE PRIVATE KEY", b"{}"), b"", "damaged"),
    "no key inside": (as_cosign(b"junk"), PASSWORD, "damaged"),
    "a derivation that takes long": (as_cosign(der(P256), N=1024), PASSWORD, "damaged"),
    "a book": (b"x" * 100_000 + pkcs8(P256), b"", "too long"),
}


@pytest.mark.parametrize(("text", "password", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_key_to_sign_with_is_named_and_not_quoted(text: bytes, password: bytes, words: str) -> None:
    with pytest.raises(KeyRefusedError) as refused:
        read_private(text, password)
    said = str(refused.value)
    assert words in said
    secrets = {line for line in text.decode(errors="replace").splitlines() if line and not line.startswith("-----")}
    assert [secret for secret in {*secrets, password.decode()} if secret and secret in said] == []


@pytest.mark.parametrize(
    "text",
    [pkcs8(P256), public(RSA), public(P384), b"", pem("PUBLIC KEY", b"junk")],
    ids=["private", "RSA", "P-384", "nothing", "junk"],
)
def test_what_is_no_public_key_is_refused(text: bytes) -> None:
    with pytest.raises(KeyRefusedError):
        read_public(text)


@pytest.mark.parametrize("key", [P256, ED25519])
def test_a_fingerprint_is_that_of_ssh(key: PrivateKey) -> None:
    [_, body] = (
        key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).split(b" ")
    )
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(body)).digest()).decode().rstrip("=")
    assert fingerprint(read_public(public(key))) == f"SHA256:{digest}"
