"""A TFLiteConversion for a run without a cluster: it may name files of this machine, and need no destination."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.resource.conversion import Conversion
from tflite_api.resource.destination import Destination
from tflite_api.resource.quantization import DATASET_PATTERN, Calibration, Quantization
from tflite_api.resource.spec import ConversionSpec, Verification, VerificationSamples
from tflite_api.schema import matching
from tflite_api.sources.handle import FILE_SCHEME, HANDLE_PATTERN
from tflite_api.sources.model_source import ModelSource

_FILE_PATTERN: Final = r"file:///[^\x00-\x1f?#]+"
_NAME_PATTERN: Final = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"


def _matching_or_file(pattern: str, message: str) -> AfterValidator:
    """Return a validator that a text matches a pattern of the cluster's, or is a file:/// address."""
    return matching(rf"^(?:{pattern.strip('^$')}|{_FILE_PATTERN})$", message)


LocalHandle = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    _matching_or_file(
        HANDLE_PATTERN,
        "must be an http://, https:// or gs:// address with a path, without user, query or fragment,"
        " or file:/// and the absolute path of a SavedModel folder or archive",
    ),
]


class LocalModelSource(ModelSource):
    """Where the model comes from; here it may also be a folder or archive of this machine."""

    handle: LocalHandle | None = None

    @model_validator(mode="after")
    def _be_within_reach(self) -> Self:
        if self.source.claim is not None:
            raise ValueError(
                f"{self.kind} is a claim in a cluster: to try it here, write handle: file:/// and an absolute path"
            )
        return self

    @property
    def is_local(self) -> bool:
        """Return whether the model is on this machine, where no cluster finds it."""
        return self.source.address.startswith(FILE_SCHEME)


LocalDataset = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    _matching_or_file(
        DATASET_PATTERN,
        "must be an s3://, https:// or http:// address, or file:/// and the absolute path, of a .npz, .npy or TFRecord"
        " file, an archive or a folder of images",
    ),
]


class LocalCalibration(Calibration):
    """Samples that may also be a file or folder of this machine."""

    dataset: LocalDataset | None = None


class LocalVerificationSamples(VerificationSamples):
    """Samples that may also be a file or folder of this machine."""

    dataset: LocalDataset


class LocalVerification(Verification):
    """A verification on samples of this machine."""

    samples: LocalVerificationSamples | None = None


class LocalQuantization(Quantization):
    """A quantization with samples of this machine."""

    calibration: LocalCalibration | None = None


class LocalSpec(ConversionSpec):
    """A spec that needs no destination: the artifact goes to a folder of this machine."""

    model: LocalModelSource
    quantization: LocalQuantization = LocalQuantization()
    verification: LocalVerification | None = None
    destination: Destination | None = Field(default=None)  # type: ignore[assignment] # wider on purpose

    @model_validator(mode="after")
    def _name_credentials(self) -> Self:
        # A destination is checked as in the cluster: this run may be the test of a pull request.
        if self.destination is None:
            return self
        return super()._name_credentials()  # type: ignore[operator, no-any-return] # hidden by the decorator


class LocalConversion(Conversion):
    """A TFLiteConversion to be run without a cluster."""

    spec: LocalSpec

    def with_report(self) -> Self:
        """Return the same conversion with a report page."""
        return self.model_copy(update={"spec": self.spec.model_copy(update={"report": True})})

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        # The API server does it in the cluster; here the name becomes that of a folder.
        if not re.fullmatch(_NAME_PATTERN, self.metadata.name):
            raise ValueError("metadata.name must hold only lower-case letters, digits, dots and hyphens")
        return self
