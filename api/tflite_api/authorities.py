"""The certificate authorities that a spec names for one server, and where the steps find them."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import StringConstraints

from tflite_api.field_types import OBJECT_NAME_PATTERN
from tflite_api.schema import Schema, matching

CA_FILE: Final = "ca.crt"
"""What the file is called that holds authorities, wherever a step is given some."""
_ENTRY_PATTERN: Final = r"^[-._A-Za-z0-9]+$"

ConfigMapName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253),
    matching(OBJECT_NAME_PATTERN, "must be the name of a ConfigMap in the same namespace"),
]
ConfigMapEntry = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253),
    matching(_ENTRY_PATTERN, "must be the name of an entry of the ConfigMap: write for example ca.crt"),
]


class AuthoritiesReference(Schema):
    """An entry of a ConfigMap of the conversion's own namespace, with certificates of authorities in PEM form."""

    name: ConfigMapName
    key: ConfigMapEntry = CA_FILE


@dataclass(frozen=True)
class AuthoritiesVolume:
    """How a field's authorities get into the steps that talk to its server.

    The names of volumes are fixed: the admission policy on the operator's account (operator_policy.yaml of the chart)
    allows any ConfigMap for these two, and for no others.
    """

    name: str
    server: str
    """The field of the spec that says where the server is."""

    @property
    def field(self) -> str:
        """The field of the spec that names the ConfigMap."""
        return f"{self.server}.caConfigMapRef"

    @property
    def folder(self) -> str:
        """Where the volume is mounted."""
        return f"/etc/{self.name}"

    @property
    def file(self) -> str:
        """Where a step finds the certificates."""
        return f"{self.folder}/{CA_FILE}"


OF_DESTINATION: Final = AuthoritiesVolume("destination-authorities", "destination.s3")
OF_MODEL: Final = AuthoritiesVolume("model-authorities", "model.s3")
