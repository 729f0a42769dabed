"""Whether an attestation vouches for an artifact that a bucket holds. Pure."""

from dataclasses import dataclass
from typing import Any

from tflite_api.names import BUILDER_ID
from tflite_converter.signing import dsse, verify
from tflite_converter.signing.keys import KeyRefusedError, fingerprint, read_public
from tflite_converter.signing.provenance import PAGE, RESULT
from tflite_converter.signing.verify import CheckFailedError


@dataclass(frozen=True)
class Claims:
    """What a bucket says, as digests of what was read there."""

    artifact: str
    recipe: str
    result: str
    """Of the measurements in the artifact's metadata."""
    page: str | None = None
    """Of the report page, where one is wanted."""


def signer_of(bundle: bytes, public_key: str | None, claims: Claims) -> str:
    """Return the fingerprint of the key whose owner vouches for all that is claimed.

    Args:
        bundle: the attestation's bytes, whoever wrote them.
        public_key: of who is to have signed it; None where it is not known.
        claims: what it must speak of.

    Raises:
        CheckFailedError: it does not; the message says what was found.
    """
    if public_key is None:
        raise CheckFailedError("the Secret of attestation.secretRef has no entry cosign.pub to check it with")
    try:
        key = read_public(public_key.encode())
    except KeyRefusedError as refused:
        raise CheckFailedError(f"the entry cosign.pub cannot be used: {refused}") from refused
    problem = CheckFailedError("it holds no DSSE envelope")
    for one in dsse.envelopes(bundle):
        try:
            statement = verify.statement_of(one, key, claims.artifact)
            verify.check_builder(statement, BUILDER_ID)
            _check(statement, claims)
        except CheckFailedError as found:
            problem = found
        else:
            return fingerprint(key)
    raise problem


def _check(statement: dict[str, Any], claims: Claims) -> None:
    definition, details = (_part(statement, "predicate", name) for name in ("buildDefinition", "runDetails"))
    made = {
        "recipeHash": (_part(definition, "internalParameters").get("recipeHash"), claims.recipe),
        RESULT: (_byproduct(details, RESULT), claims.result),
    }
    if claims.page is not None:
        made[PAGE] = (_byproduct(details, PAGE), claims.page)
    for name, (said, expected) in made.items():
        if said != expected:
            raise CheckFailedError(f"its {name} is another than that of what the bucket holds")


def _byproduct(details: dict[str, Any], name: str) -> object:
    listed = details.get("byproducts")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return next((_part(one, "digest").get("sha256") for one in found if one.get("name") == name), None)


def _part(value: dict[str, Any], *path: str) -> dict[str, Any]:
    for name in path:
        found = value.get(name)
        value = found if isinstance(found, dict) else {}
    return value
