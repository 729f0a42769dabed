"""What a spec says about the attestation beside the artifact."""

from typing import Annotated, Final

from pydantic import StringConstraints

from tflite_api.field_types import SecretReference
from tflite_api.schema import Schema, matching

ENTRY_PATTERN: Final = r"^[-._A-Za-z0-9]+$"

SecretEntry = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253),
    matching(ENTRY_PATTERN, "must be the name of an entry of the Secret: write for example cosign.key"),
]


class SigningKeyReference(SecretReference):
    """A private key in a Secret of the conversion's own namespace; the default fits one that cosign made."""

    key: SecretEntry = "cosign.key"


class AttestationSpec(Schema):
    """The statement beside the artifact of what it was made of and how; without a key it is not signed."""

    secret_ref: SigningKeyReference | None = None
