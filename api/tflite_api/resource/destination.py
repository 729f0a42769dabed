"""Where the artifact goes."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tflite_api.authorities import AuthoritiesReference
from tflite_api.field_types import (
    AddressingStyle,
    Bucket,
    ClusterID,
    Endpoint,
    KeyTemplate,
    ObjectName,
    Region,
)
from tflite_api.names import ATTESTATION_SUFFIX, REPORT_SUFFIX, VARIANT_PLACE
from tflite_api.s3_secret import S3SecretReference
from tflite_api.schema import Schema, matching

ROLE_ARN_PATTERN: Final = r"^arn:[a-z-]+:iam::[0-9]*:role(?:/[A-Za-z0-9+=,.@_-]+)+$"
KEY_ID_PATTERN: Final = r"^[A-Za-z0-9:/_.-]+$"

RoleARN = Annotated[
    str,
    StringConstraints(max_length=2048),
    matching(ROLE_ARN_PATTERN, "must be the ARN of a role: write for example arn:aws:iam::123456789012:role/converter"),
]
KeyID = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    matching(KEY_ID_PATTERN, "must be the id, alias or ARN of a key: letters, digits and the characters : / _ . -"),
]


class Adoption(Schema):
    """Whose object this conversion may take over; namespace and name are its own where they are absent."""

    cluster_id: ClusterID = Field(alias="clusterID")
    namespace: ObjectName | None = None
    name: ObjectName | None = None


class Encryption(Schema):
    """How the storage is to encrypt what is uploaded."""

    type: Literal["SSE-S3", "SSE-KMS"]
    key_id: KeyID | None = Field(default=None, alias="keyID")

    @model_validator(mode="after")
    def _name_a_key_of_kms(self) -> Self:
        if self.key_id is not None and self.type != "SSE-KMS":
            raise ValueError("keyID is for type SSE-KMS: leave it out")
        return self


class S3Destination(Schema):
    """The object that the artifact becomes."""

    bucket: Bucket
    key: KeyTemplate
    endpoint: Endpoint | None = None
    region: Region = "us-east-1"
    addressing_style: AddressingStyle = "Auto"
    ca_config_map_ref: AuthoritiesReference | None = None
    encryption: Encryption | None = None
    checksums: Literal["Auto", "Never"] = "Auto"
    secret_ref: S3SecretReference | None = None
    role_arn: RoleARN | None = Field(default=None, alias="roleARN")
    adopt_from: Adoption | None = None
    writers: Literal["Many", "One"] = "Many"

    @property
    def is_template(self) -> bool:
        """Return whether the key has a place for the names of variants."""
        return VARIANT_PLACE in self.key

    def key_of(self, variant: str) -> str:
        """Return the key of the variant with this name."""
        return self.key.replace(VARIANT_PLACE, variant)

    @property
    def uri(self) -> str:
        """The address people write: s3://bucket/key."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def report_page(self) -> Self:
        """Where the report page goes: beside the artifact."""
        return self.model_copy(update={"key": self.key + REPORT_SUFFIX})

    @property
    def attestation(self) -> Self:
        """The object beside the artifact that its attestation becomes."""
        return self.model_copy(update={"key": self.key + ATTESTATION_SUFFIX})


class Destination(Schema):
    """Where the artifact goes."""

    s3: S3Destination
