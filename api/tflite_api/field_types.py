"""Types of fields that several parts of a spec have."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import to_json

from tflite_api.schema import Integer, Schema, matching

HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
"""A host and perhaps a port, as a part of a pattern."""
ENDPOINT_PATTERN: Final = rf"^https?://{HOST}(?:/[A-Za-z0-9._~-]+)*/?$"
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"
BUCKET_PATTERN: Final = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
KEY_PATTERN: Final = r"^[A-Za-z0-9!_.*'()=+@/-]+$"
KEY_TEMPLATE_PATTERN: Final = r"^(?:[A-Za-z0-9!_.*'()=+@/-]|\{variant\})+$"
KEY_CHARACTERS: Final = 1024
"""S3's own limit (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)."""
REGION_PATTERN: Final = r"^[a-z0-9-]+$"
CLUSTER_ID_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$"
PRINTABLE: Final = matching(r"^[^\x00-\x1f]*$", "must hold no control characters")
OBJECT_NAME_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$"
QUANTITY_PATTERN: Final = r"^[0-9]{1,12}(?:\.[0-9]{1,3})?(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?$"

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {f"{prefix}i": 1024**power for power, prefix in enumerate("KMGT", start=1)}


def quantity(text: str | int) -> Decimal:
    """Return the value of a Kubernetes resource quantity such as `500m`, `2` or `1.5Gi`.

    Raises:
        ValueError: the text is no quantity of the form QUANTITY_PATTERN.
    """
    if not re.fullmatch(QUANTITY_PATTERN.strip("^$"), str(text)):
        raise ValueError(f"{text!r} is no quantity: write for example 500m, 2 or 4Gi")
    number = str(text).rstrip("kmMGTKi")
    unit = str(text)[len(number) :]
    return Decimal(number) / 1000 if unit == "m" else Decimal(number) * _UNITS[unit]


def json_bytes(texts: Iterable[str]) -> int:
    """Return the bytes of texts as JSON, each with quotes and a comma."""
    return sum(len(to_json(text)) + 1 for text in texts)


def hold_bytes(texts: Iterable[str], most: int, what: str, cure: str) -> None:
    """Make sure that texts fit, as JSON, into what the steps can be told.

    Raises:
        ValueError: they have more than `most` bytes.
    """
    found = json_bytes(texts)
    if found > most:
        raise ValueError(
            f"{what} must have at most {most} bytes together, quoted and with commas (found {found}): {cure}"
        )


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names back, none of which comes twice."""
    if len(set(names)) != len(names):
        raise ValueError("names something twice: write each once")
    return names


def _no_double_dot(bucket: str) -> str:
    if ".." in bucket:
        raise ValueError("must not hold two dots in a row")
    return bucket


def _normalised(key: str) -> str:
    if any(segment in {"", ".", ".."} for segment in key.split("/")):
        raise ValueError("must be relative, without empty, '.' or '..' segments: write for example models/a.tflite")
    return key


def _leads_down(endpoint: str) -> str:
    if {".", ".."} & set(endpoint.split("/")):
        raise ValueError("must hold no '.' or '..' segments")
    return endpoint


def normalised_path(path: str) -> str:
    """Return the path of a model back, which must climb nowhere; a slash may end it."""
    if any(segment in {"", ".", ".."} for segment in path.removesuffix("/").split("/")):
        raise ValueError("must be relative, without empty, '.' or '..' segments: write for example models/mobilenet/1")
    return path


def _is_quantity(value: str | int) -> str | int:
    quantity(value)
    return value


def _is_text_or_integer(value: object) -> object:
    # Of two types pydantic says two things, each of a field that has the type's name and that nobody wrote.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be text or a whole number: write for example 512Mi")  # noqa: TRY004 - a ValidationError is made of it
    return value


TextOrInteger = Annotated[str | Integer, BeforeValidator(_is_text_or_integer)]
Quantity = Annotated[TextOrInteger, AfterValidator(_is_quantity)]
Sha256 = Annotated[str, matching(SHA256_PATTERN, "must be 64 lower-case hexadecimal digits")]
Bucket = Annotated[
    str,
    matching(
        BUCKET_PATTERN,
        "must be 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
    ),
    AfterValidator(_no_double_dot),
]
Key = Annotated[
    str,
    StringConstraints(min_length=1, max_length=KEY_CHARACTERS),
    matching(KEY_PATTERN, "must hold only letters, digits and the characters ! _ . * ' ( ) = + @ / -"),
    AfterValidator(_normalised),
]
KeyTemplate = Annotated[
    str,
    StringConstraints(min_length=1, max_length=KEY_CHARACTERS),
    matching(
        KEY_TEMPLATE_PATTERN,
        "must hold only letters, digits and the characters ! _ . * ' ( ) = + @ / -, and {variant} for the name of each"
        " of spec.variants",
    ),
    AfterValidator(_normalised),
]
Endpoint = Annotated[
    str,
    StringConstraints(max_length=512),
    matching(
        ENDPOINT_PATTERN,
        "must be http:// or https:// with a host and perhaps a port and a path: write for example https://s3.example.com",
    ),
    AfterValidator(_leads_down),
]
AddressingStyle = Literal["Auto", "Path", "Virtual"]
Region = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    matching(REGION_PATTERN, "must hold only lower-case letters, digits and hyphens"),
]
SecretName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253),
    matching(OBJECT_NAME_PATTERN, "must be the name of a Secret in the same namespace"),
]
ObjectName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253),
    matching(OBJECT_NAME_PATTERN, "must be the name of an object: lower-case letters, digits, dots and hyphens"),
]

ClusterID = Annotated[
    str,
    matching(
        CLUSTER_ID_PATTERN,
        "must be at most 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
    ),
]
"""The name of a cluster, as it stands on the objects that its conversions wrote."""


class SecretReference(Schema):
    """A Secret of the conversion's own namespace."""

    name: SecretName
