"""Reading TFLiteConversion resources from a YAML file, as `kubectl apply -f` would, for a run without a cluster."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from tflite_api.conversion import Conversion
from tflite_api.names import API_VERSION, GROUP, KIND
from tflite_api.reasons import Reason
from tflite_api.schema import describe
from tflite_api.spec import (
    DATASET_PATTERN,
    HANDLE_PATTERN,
    Calibration,
    ConversionSpec,
    Destination,
    ModelSource,
    Quantization,
    Verification,
    VerificationSamples,
)
from tflite_converter.failure import StepFailure

FILE_SCHEME: Final = "file://"
_FILE_PATTERN: Final = r"file:///[^\x00-\x1f?#]+"
_NAME_PATTERN: Final = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_FILE_BYTES: Final = 4 << 20


def _local_handle(handle: str) -> str:
    if re.fullmatch(HANDLE_PATTERN.strip("^$"), handle) or re.fullmatch(_FILE_PATTERN, handle):
        return handle
    raise ValueError(
        "must be an http:// or https:// address with a path, without user, query or fragment,"
        " or file:/// and the absolute path of a SavedModel folder or archive"
    )


class LocalModelSource(ModelSource):
    """Where the model comes from; here it may also be a folder or archive of this machine."""

    handle: Annotated[str, StringConstraints(min_length=1, max_length=2048), AfterValidator(_local_handle)]


def _local_dataset(address: str) -> str:
    if re.fullmatch(DATASET_PATTERN.strip("^$"), address) or re.fullmatch(_FILE_PATTERN, address):
        return address
    raise ValueError(
        "must be an s3://, https:// or http:// address, or file:/// and the absolute path, of a .npz, .npy or TFRecord"
        " file, an archive or a folder of images"
    )


LocalDataset = Annotated[str, StringConstraints(min_length=1, max_length=2048), AfterValidator(_local_dataset)]


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


class LocalConversion(Conversion):
    """A TFLiteConversion to be run without a cluster."""

    spec: LocalSpec

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        # The API server does it in the cluster; here the name becomes that of a folder.
        if not re.fullmatch(_NAME_PATTERN, self.metadata.name):
            raise ValueError("metadata.name must hold only lower-case letters, digits, dots and hyphens")
        return self


@dataclass(frozen=True)
class ResourceFile:
    """What a file holds."""

    conversions: tuple[LocalConversion, ...]
    skipped: tuple[str, ...]
    """Kinds of the other resources in it."""


def read(path: Path) -> ResourceFile:
    """Read all TFLiteConversions of a file; resources of other kinds are passed over.

    Raises:
        StepFailure: InvalidSpec, naming the file, the document and the field; also where two have the same name.
    """
    documents = _documents(path)
    conversions, skipped, problems = list[LocalConversion](), list[str](), list[str]()
    for number, document in enumerate(documents, start=1):
        if not isinstance(document, dict):
            problems.append(f"document {number} of {path.name} is no Kubernetes resource")
        elif not _is_conversion(document):
            skipped.append(str(document.get("kind", "a document without kind")))
        else:
            try:
                conversions.append(LocalConversion.from_object(document))
            except ValidationError as error:
                problems.append(f"{_title(document, number, len(documents))}{describe(error)}")
    names = [conversion.metadata.name for conversion in conversions]
    problems += [
        f"{path.name} holds two conversions named {name}" for name in sorted(set(names)) if names.count(name) > 1
    ]
    if not problems and not conversions:
        problems.append(f"{path.name} holds no {KIND} of {API_VERSION}")
    if problems:
        raise StepFailure(Reason.INVALID_SPEC, "; ".join(problems))
    return ResourceFile(tuple(conversions), tuple(skipped))


def _is_conversion(document: dict[str, Any]) -> bool:
    return document.get("kind") == KIND and str(document.get("apiVersion", "")).partition("/")[0] in {GROUP, ""}


def _title(document: dict[str, Any], number: int, count: int) -> str:
    if count == 1:
        return ""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{name or f'document {number}'}: "


def _documents(path: Path) -> list[Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_BYTES + 1)
    except OSError as error:
        raise StepFailure(Reason.INVALID_SPEC, f"{path} cannot be read: {error.strerror}") from error
    if len(text) > _FILE_BYTES:
        raise StepFailure(Reason.INVALID_SPEC, f"{path} is larger than {_FILE_BYTES} bytes")
    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, RecursionError) as error:
        raise StepFailure(Reason.INVALID_SPEC, f"{path} is no valid YAML: {' '.join(str(error).split())}") from error
