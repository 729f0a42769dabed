"""What every kind of source tells of itself: all that depends on the kind follows from this."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import unquote

from tflite_api import urls
from tflite_api.field_types import SecretReference

ARCHIVE_ENDS: Final = re.compile(r"\.(tar|tar\.(gz|bz2|xz)|tgz|zip)$")


class AddressError(ValueError):
    """What was written names no model; the message says what to write instead."""


class Source(ABC):
    """A kind of source."""

    CREDENTIALS: ClassVar[Mapping[str, bool]] = {}
    """The variables with what the Secret holds that its secretRef names, and which of them may be absent."""
    VARIABLE_PREFIX: ClassVar[str] = ""
    """In front of the names of these variables."""
    EXAMPLE_SECRET: ClassVar[str] = ""
    """How a first manifest calls that Secret."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """The model's address, as the attestation of an artifact names it."""

    @property
    def address(self) -> str:
        """The model's address, as people read and write it."""
        return self.uri

    @property
    def name_parts(self) -> list[str]:
        """The parts of the address that tell which model it is."""
        return path_parts(self.address)[-1:]

    @property
    def secret(self) -> SecretReference | None:
        """The Secret that it is fetched with."""
        return None

    @property
    def entry_of(self) -> Mapping[str, str]:
        """The entry of that Secret for each of `CREDENTIALS`; one that has none is not asked for."""
        return {name: name for name in self.CREDENTIALS}

    @property
    def claim(self) -> str | None:
        """The PersistentVolumeClaim that it is read from."""
        return None

    @classmethod
    def fields_of(cls, address: str) -> dict[str, Any] | str | None:
        """Return what `spec.model` has for an address of this kind on a command line; None for one of another kind.

        Raises:
            AddressError: it is one of this kind, and names no model.
        """
        del address
        return None


def path_parts(address: str) -> list[str]:
    """Return the parts of an address's path but for versions."""
    parts = urls.split(address)
    return [part for part in unquote(parts.path if parts is not None else "").split("/") if part and not part.isdigit()]
