"""A model of Kaggle."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import StringConstraints

from tflite_api.field_types import SecretReference
from tflite_api.schema import Schema, matching
from tflite_api.sources.source import Source

KAGGLE_HANDLE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*){3}(?:/[1-9][0-9]{0,8})?$"
_PAGES: Final = "https://www.kaggle.com/models/"

KaggleHandle = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512),
    matching(
        KAGGLE_HANDLE_PATTERN,
        "must be owner/model/framework/variation, with /version to stay at one: write for example"
        " google/mobilenet-v2/tensorFlow2/130-224-classification/1",
    ),
]


class KaggleSource(Schema, Source):
    """A version of a model of Kaggle."""

    CREDENTIALS: ClassVar[Mapping[str, bool]] = {"KAGGLE_USERNAME": False, "KAGGLE_KEY": False}
    EXAMPLE_SECRET: ClassVar[str] = "kaggle"  # noqa: S105 - the name of one

    handle: KaggleHandle
    secret_ref: SecretReference | None = None

    @property
    def framework(self) -> str:
        """The third part of the handle."""
        return self.handle.split("/")[2]

    @property
    def uri(self) -> str:
        """The address of its page."""
        return f"{_PAGES}{self.handle}"

    @property
    def address(self) -> str:
        """The handle."""
        return self.handle

    @property
    def name_parts(self) -> list[str]:
        """Return the model and its variation, though these may be numbers."""
        _, model, _, variation, *_ = self.handle.split("/")
        return [model, variation]

    @property
    def secret(self) -> SecretReference | None:
        """The Secret with the user's name and key."""
        return self.secret_ref

    @classmethod
    def fields_of(cls, address: str) -> dict[str, Any] | None:
        """Take the address of a model's page."""
        return {"handle": address.removeprefix(_PAGES).removesuffix("/")} if address.startswith(_PAGES) else None
