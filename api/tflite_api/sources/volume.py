"""A model in a volume."""

from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from tflite_api.field_types import ObjectName, normalised_path
from tflite_api.schema import Schema, matching
from tflite_api.sources.source import Source

PATH_PATTERN: Final = r"^[^\x00-\x1f\x7f]+$"

VolumePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    matching(PATH_PATTERN, "must hold no control characters"),
    AfterValidator(normalised_path),
]


class VolumeSource(Schema, Source):
    """An archive of a SavedModel in a volume, or the folder of one."""

    claim_name: ObjectName
    path: VolumePath | None = None

    @property
    def uri(self) -> str:
        """The address as KServe writes it: pvc://claim/path."""
        return f"pvc://{self.claim_name}/{self.path or ''}"

    @property
    def claim(self) -> str:
        """The claim that binds the volume."""
        return self.claim_name
