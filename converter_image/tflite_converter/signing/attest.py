"""Making the attestation of an artifact, with the key that publish alone is given."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

from tflite_api import __version__
from tflite_api.names import REQUESTED_AT_ANNOTATION, SIGNING_KEY_ENV, SIGNING_PASSWORD_ENV
from tflite_api.reasons import Reason
from tflite_api.resource.attestation_spec import SigningKeyReference
from tflite_api.resource.quantization import ChosenQuantization
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.status import Attestation
from tflite_api.steps.step import PreparedModel, StepRequest
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.signing import dsse, provenance
from tflite_converter.signing.keys import KeyRefusedError, PrivateKey, WrongPasswordError, fingerprint, read_private
from tflite_converter.signing.provenance import Run
from tflite_converter.storage.secret_key import stripped

_DISTRIBUTIONS: Final = {
    "tensorflow": "tensorflow-cpu",
    "litert-quantizer": "litert-quantizer",
    "ai-edge-litert": "ai-edge-litert",
}
"""What converts and verifies, by the names of their distributions in the image."""
_PASSWORD_CURE: Final = (
    "put the key's own password into the entry cosign.password of that Secret, then ask for one more run with a new"
    f" value of the annotation {REQUESTED_AT_ANNOTATION}"
)


@dataclass(frozen=True)
class Known:
    """What is known of an artifact that is to be attested."""

    sha256: str
    """64 hexadecimal digits."""
    byproducts: Mapping[str, str]
    """SHA-256 of what is left beside it, by the names that `provenance` has for them."""
    quantization: ChosenQuantization | None = None
    """What type Auto chose."""


@dataclass(frozen=True)
class MadeAttestation:
    """An attestation that is not in the bucket yet."""

    content: bytes
    status: Attestation


def make(
    request: StepRequest, prepared: PreparedModel, known: Known, environment: Mapping[str, str]
) -> MadeAttestation:
    """Attest an artifact.

    Args:
        request: what the step was told; its spec wants an attestation.
        prepared: what prepare fetched.
        known: what is known of the artifact.
        environment: holds the private key, where the spec names one.

    Raises:
        StepFailure: SigningKeyInvalid; InternalError where the operator did not say which run this is.
    """
    if request.invocation is None:
        words = "The operator did not say which run this is, so it cannot be attested"
        raise StepFailure(Reason.INTERNAL_ERROR, words, OWN_CURE)
    reference = request.spec.attestation.secret_ref if request.spec.attestation is not None else None
    key = read_key(reference, environment) if reference is not None else None
    run = Run(
        request.invocation,
        recipe_hash(request.spec),
        versions(),
        datetime.now(UTC),
        known.byproducts,
        known.quantization,
    )
    content = dsse.seal(provenance.statement(request, prepared, known.sha256, run), key)
    status = Attestation(
        uri=request.spec.destination.s3.attestation.uri,
        sha256=hashlib.sha256(content).hexdigest(),
        key_id=fingerprint(key.public_key()) if key is not None else None,
    )
    return MadeAttestation(content, status)


def read_key(reference: SigningKeyReference, environment: Mapping[str, str]) -> PrivateKey:
    """Read the private key that the kubelet put into the environment.

    Raises:
        StepFailure: SigningKeyInvalid.
    """
    text, password = environment.get(SIGNING_KEY_ENV, "").encode(), environment.get(SIGNING_PASSWORD_ENV, "")
    try:
        try:
            return read_private(text, password.encode())
        except WrongPasswordError:
            # A password may end in white space; more often somebody's editor put a line break behind it.
            return read_private(text, stripped(password).encode())
    except KeyRefusedError as refused:
        raise StepFailure(
            Reason.SIGNING_KEY_INVALID,
            f"Entry {reference.key} of Secret {reference.name} (attestation.secretRef) cannot be used: {refused}",
            _PASSWORD_CURE if isinstance(refused, WrongPasswordError) else OWN_CURE,
        ) from refused


def versions() -> dict[str, str]:
    """Return the versions of the programs that took part, by name; of those that do not say it, none."""
    found = dict[str, str]()
    for name, distribution in _DISTRIBUTIONS.items():
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(distribution)
    return {"tflite-operator": __version__, **found}
