"""What an artifact may cost on the device that it is for."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from tflite_api.field_types import quantity
from tflite_api.schema import Integer, Schema

_SIZE: Final = re.compile(r"[0-9]{1,12}((\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti))?")


def _is_size(value: str | int) -> str | int:
    if not _SIZE.fullmatch(str(value)) or quantity(value) == 0:
        raise ValueError("must be a size of at least one byte: write for example 512Ki, 4Mi or 4194304")
    return value


Size = Annotated[str | Integer, AfterValidator(_is_size)]


class Budget(Schema):
    """What the artifact may take; more is not published."""

    max_size_bytes: Size

    @property
    def most_bytes(self) -> int:
        """The largest number of bytes that holds it."""
        return int(quantity(self.max_size_bytes))
