"""Checks an attestation: is it of this artifact, does it say how it was made, and who signed it?"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from securesystemslib.dsse import Envelope

from tflite_api.names import BUILD_TYPE, BUILDER_ID
from tflite_api.text import one_line
from tflite_converter.core.digests import file_digest
from tflite_converter.signing import dsse
from tflite_converter.signing.dsse import PAYLOAD_TYPE
from tflite_converter.signing.keys import LARGEST, KeyRefusedError, PublicKey, fingerprint, read_public
from tflite_converter.signing.provenance import PREDICATE_TYPE, STATEMENT_TYPE

_LARGEST: Final = 16 * 1024**2
"""Bytes of a bundle; an honest one has some thousand."""


class CheckFailedError(Exception):
    """The attestation is not what is asked for; the message says what was found."""


class UnreadableError(Exception):
    """A file cannot be read, or is not of its kind at all; the message says what to give instead."""


@dataclass(frozen=True)
class Checked:
    """An attestation that holds."""

    statement: dict[str, Any]
    key_id: str


def check(artifact: Path, attestation: Path, key_file: Path, builder_id: str = BUILDER_ID) -> Checked:
    """Check an attestation against an artifact, with the public key of who is to have signed it.

    A key may sign for many builders, and a builder may make other things: so both are asked for.

    Args:
        artifact: the file.
        attestation: its attestation.
        key_file: the public key.
        builder_id: who is to have made the artifact, in the attestation's words.

    Raises:
        CheckFailedError: it is not signed by the key, is no provenance of a conversion by this builder, or speaks of
            another artifact.
        UnreadableError: one of the files is none of its kind.
    """
    key = _key(key_file)
    found = dsse.envelopes(_content(attestation, _LARGEST))
    if not found:
        raise UnreadableError(f"{attestation} holds no DSSE envelope: give the artifact's .intoto.jsonl")
    digest = _digest(artifact)
    problems = []
    for one in found:
        try:
            statement = statement_of(one, key, digest)
            check_builder(statement, builder_id)
            return Checked(statement, fingerprint(key))
        except CheckFailedError as problem:
            problems.append(problem)
    raise problems[0]


def statement_of(sealed: Envelope, key: PublicKey, digest: str) -> dict[str, Any]:
    """Return the statement in an envelope, once it is signed by this key and speaks of this artifact.

    Raises:
        CheckFailedError: it does not.
    """
    # Nothing is read of a payload before its signature holds.
    if not sealed.signatures:
        raise CheckFailedError("it is not signed")
    if not dsse.is_signed_by(sealed, key):
        raise CheckFailedError(
            f"its signature is not by this key ({fingerprint(key)}), or it was changed after it was signed; it says it"
            f" is by {_said_signers(sealed)}"
        )
    if sealed.payload_type != PAYLOAD_TYPE:
        raise CheckFailedError(f"its payload is {one_line(sealed.payload_type, 100)}, not {PAYLOAD_TYPE}")
    statement = _object(sealed.payload)
    for field, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if statement.get(field) != expected:
            raise CheckFailedError(f"its {field} is {one_line(str(statement.get(field)), 200)}, not {expected}")
    subjects = list(_subjects(statement))
    if digest not in subjects:
        spoken = ", ".join(one_line(str(subject), 64) for subject in subjects[:8]) or "no file"
        raise CheckFailedError(f"the artifact has the SHA-256 {digest}, but it speaks of {spoken}")
    return statement


def check_builder(statement: dict[str, Any], builder_id: str) -> None:
    """Make sure that a statement is of a conversion, and of who is to have made it.

    Raises:
        CheckFailedError: it is not.
    """
    made = (
        ("buildDefinition.buildType", ("buildDefinition", "buildType"), BUILD_TYPE),
        ("runDetails.builder.id", ("runDetails", "builder", "id"), builder_id),
    )
    for field, path, expected in made:
        found: object = statement.get("predicate")
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        if found != expected:
            shown = "missing" if found is None else one_line(str(found), 200)
            raise CheckFailedError(f"its predicate.{field} is {shown}, not {expected}")


def _said_signers(sealed: Envelope) -> str:
    return ", ".join(one_line(keyid, 64) or "an unnamed key" for keyid in sealed.signatures)


def _subjects(statement: dict[str, Any]) -> Iterator[object]:
    subjects = statement.get("subject")
    for subject in subjects if isinstance(subjects, list) else []:
        digests = subject.get("digest") if isinstance(subject, dict) else None
        if isinstance(digests, dict) and "sha256" in digests:
            yield digests["sha256"]


def _object(payload: bytes) -> dict[str, Any]:
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise CheckFailedError("its payload is no JSON") from error
    if not isinstance(content, dict):
        raise CheckFailedError("its payload is no statement")
    return content


def _key(path: Path) -> PublicKey:
    try:
        return read_public(_content(path, LARGEST))
    except KeyRefusedError as refused:
        raise UnreadableError(
            f"{path} is no public key for this: {refused}; give cosign.pub, or an ECDSA P-256 or Ed25519 key in PEM"
        ) from refused


def _content(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise UnreadableError(f"{path} has more than {most} bytes: it is something else")
    return content


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error
