"""Statements in DSSE envelopes, one a line: how in-toto keeps them
(https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md)."""

import binascii
import json
from typing import Any, Final

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import FormatError, UnverifiedSignatureError, VerificationError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from tflite_converter.signing.keys import PrivateKey, PublicKey, fingerprint

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MEDIA_TYPE: Final = "application/vnd.in-toto.bundle"


def seal(statement: dict[str, Any], key: PrivateKey | None) -> bytes:
    """Return a statement as a line of a bundle, signed where there is a key."""
    envelope = Envelope(json.dumps(statement, separators=(",", ":")).encode(), PAYLOAD_TYPE, {})
    if key is not None:
        envelope.sign(CryptoSigner(key, _named(key.public_key())))
    return json.dumps(envelope.to_dict(), separators=(",", ":")).encode() + b"\n"


def envelopes(bundle: bytes) -> list[Envelope]:
    """Return the envelopes of a bundle; as its format asks, lines that are none are passed over."""
    return [envelope for line in bundle.splitlines() if (envelope := _read(line)) is not None]


def is_signed_by(envelope: Envelope, key: PublicKey) -> bool:
    """Return whether one of the envelope's signatures is by this key; the key that it names is only a hint."""
    named = _named(key)
    return any(_verifies(named, signature, envelope) for signature in envelope.signatures.values())


def _verifies(key: SSlibKey, signature: Signature, envelope: Envelope) -> bool:
    try:
        key.verify_signature(Signature(key.keyid, signature.signature), envelope.pae())
    except (UnverifiedSignatureError, VerificationError):
        return False
    return True


def _named(key: PublicKey) -> SSlibKey:
    return SSlibKey.from_crypto(key, keyid=fingerprint(key))


def _read(line: bytes) -> Envelope | None:
    try:
        content = json.loads(line)
        envelope = Envelope.from_dict(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error, FormatError):
        return None
    return envelope if isinstance(envelope.payload_type, str) else None
