"""A model in an S3 bucket."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from tflite_api.authorities import AuthoritiesReference
from tflite_api.field_types import (
    KEY_PATTERN,
    AddressingStyle,
    Bucket,
    Endpoint,
    Key,
    Region,
    normalised_path,
)
from tflite_api.names import MODEL_ENV_PREFIX, S3_CREDENTIALS
from tflite_api.s3_secret import S3SecretReference
from tflite_api.schema import Schema, matching
from tflite_api.sources.source import ARCHIVE_ENDS, AddressError, Source

_SCHEME: Final = "s3://"

Prefix = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    matching(KEY_PATTERN, "must hold only letters, digits and the characters ! _ . * ' ( ) = + @ / -"),
    AfterValidator(normalised_path),
]


class S3Source(Schema, Source):
    """An archive of a SavedModel in a bucket, or the folder of one."""

    CREDENTIALS: ClassVar[Mapping[str, bool]] = S3_CREDENTIALS
    VARIABLE_PREFIX: ClassVar[str] = MODEL_ENV_PREFIX
    EXAMPLE_SECRET: ClassVar[str] = "model-credentials"  # noqa: S105 - the name of one

    bucket: Bucket
    key: Key | None = None
    prefix: Prefix | None = None
    endpoint: Endpoint | None = None
    region: Region = "us-east-1"
    addressing_style: AddressingStyle = "Auto"
    ca_config_map_ref: AuthoritiesReference | None = None
    secret_ref: S3SecretReference | None = None

    @model_validator(mode="after")
    def _name_one_thing(self) -> Self:
        if (self.key is None) == (self.prefix is None):
            raise ValueError("set key for an archive or prefix for a folder, one of them")
        return self

    @property
    def field(self) -> str:
        """The field of the spec that says where in the bucket the model is."""
        return "model.s3.key" if self.key is not None else "model.s3.prefix"

    @property
    def uri(self) -> str:
        """The address people write: s3://bucket/key, with a slash behind a folder."""
        return f"{_SCHEME}{self.bucket}/{self.key or (self.prefix or '').removesuffix('/') + '/'}"

    @property
    def secret(self) -> S3SecretReference | None:
        """The Secret with the credentials of the bucket."""
        return self.secret_ref

    @property
    def entry_of(self) -> Mapping[str, str]:
        """The entries of that Secret."""
        return self.secret_ref.entry_of if self.secret_ref is not None else {}

    @classmethod
    def fields_of(cls, address: str) -> dict[str, Any] | None:
        """Take an address such as `uri` gives; the end of a key tells an archive."""
        if not address.startswith(_SCHEME):
            return None
        name, _, key = address.removeprefix(_SCHEME).partition("/")
        if not key:
            raise AddressError(
                "names no archive and no folder in the bucket: write for example"
                " s3://training/flowers/1/model.tar.gz or s3://training/flowers/1/"
            )
        return {"bucket": name, "key" if ARCHIVE_ENDS.search(key) else "prefix": key}
