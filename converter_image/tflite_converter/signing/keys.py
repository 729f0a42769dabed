"""Keys that sign and verify, as people keep them: PEM, and the encrypted form of cosign's private keys."""

import base64
import binascii
import re
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from pydantic import Base64Bytes, BaseModel, Field, ValidationError

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = EllipticCurvePublicKey | Ed25519PublicKey

LARGEST: Final = 64 * 1024
"""Bytes of a file that may be a key."""
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END \1-----")
_COSIGN: Final = frozenset({"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"})
_PRIVATE: Final = frozenset({"PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"})
_PUBLIC: Final = "PUBLIC KEY"
_KINDS: Final = "not one of the kinds ECDSA P-256 and Ed25519"


class KeyRefusedError(ValueError):
    """Some text is no key that can be used; the message begins with what is wrong and quotes nothing of it."""


class WrongPasswordError(KeyRefusedError):
    """A key is encrypted with another password."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("its password is another one")


class _Parameters(BaseModel):
    # The ones that cosign has used: others could cost any amount of memory
    # (https://github.com/secure-systems-lab/go-securesystemslib/blob/main/encrypted/encrypted.go).
    n: Literal[32768, 65536, 131072] = Field(alias="N")
    r: Literal[8]
    p: Literal[1]


class _Derivation(BaseModel):
    name: Literal["scrypt"]
    params: _Parameters
    salt: Base64Bytes


class _Cipher(BaseModel):
    name: Literal["nacl/secretbox"]
    nonce: Base64Bytes


class _Encrypted(BaseModel):
    """What is inside the PEM of a private key of cosign."""

    kdf: _Derivation
    cipher: _Cipher
    ciphertext: Base64Bytes

    def opened(self, password: bytes) -> bytes:
        """Return the key as PKCS #8 in DER.

        Raises:
            CryptoError: the password is another one, or the content was changed.
        """
        cost = self.kdf.params
        key = Scrypt(salt=self.kdf.salt, length=SecretBox.KEY_SIZE, n=cost.n, r=cost.r, p=cost.p).derive(password)
        return SecretBox(key).decrypt(self.ciphertext, self.cipher.nonce)


def read_private(text: bytes, password: bytes) -> PrivateKey:
    """Read a private key; the password, which may be empty, counts where the key is encrypted.

    Raises:
        KeyRefusedError: it is none, of another kind, or the password does not fit.
    """
    label, body = _pem(text)
    if label in _COSIGN:
        return _private(_load_der(_open(body, password)))
    if label not in _PRIVATE:
        raise KeyRefusedError(f"it holds a {label}")
    encrypted = label.startswith("ENCRYPTED") or b"ENCRYPTED" in text
    try:
        key = serialization.load_pem_private_key(text, password if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WrongPasswordError if encrypted else KeyRefusedError("its PEM is damaged") from error
    return _private(key)


def read_public(text: bytes) -> PublicKey:
    """Read a public key.

    Raises:
        KeyRefusedError: it is none, or of another kind.
    """
    label, _ = _pem(text)
    if label != _PUBLIC:
        raise KeyRefusedError(f"it holds a {label}")
    try:
        key = serialization.load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefusedError("its PEM is damaged") from error
    return _public(key)


def fingerprint(key: PublicKey) -> str:
    """Name a public key as `ssh-keygen -l` and Sigstore's tools do: SHA256: and 43 characters of base64."""
    digest = serialization.ssh_key_fingerprint(key, SHA256())
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _pem(text: bytes) -> tuple[str, bytes]:
    if len(text) > LARGEST:
        raise KeyRefusedError("it is too long for a key")
    found = _PEM.search(text)
    if found is None:
        raise KeyRefusedError("it holds no PEM, which begins with -----BEGIN")
    return found[1].decode(), found[2]


def _open(body: bytes, password: bytes) -> bytes:
    try:
        return _Encrypted.model_validate_json(base64.b64decode(body)).opened(password)
    except (binascii.Error, ValidationError) as error:
        raise KeyRefusedError("its PEM is damaged") from error
    except CryptoError as error:
        raise WrongPasswordError from error


def _load_der(content: bytes) -> object:
    try:
        return serialization.load_der_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyRefusedError("its PEM is damaged") from error


def _private(key: object) -> PrivateKey:
    if isinstance(key, EllipticCurvePrivateKey):
        _check_curve(key.curve)
    elif not isinstance(key, Ed25519PrivateKey):
        raise KeyRefusedError(f"it holds a key that is {_KINDS}")
    return key


def _public(key: object) -> PublicKey:
    if isinstance(key, EllipticCurvePublicKey):
        _check_curve(key.curve)
    elif not isinstance(key, Ed25519PublicKey):
        raise KeyRefusedError(f"it holds a key that is {_KINDS}")
    return key


def _check_curve(curve: EllipticCurve) -> None:
    if not isinstance(curve, SECP256R1):
        raise KeyRefusedError(f"it holds a key on the curve {curve.name}, {_KINDS}")
