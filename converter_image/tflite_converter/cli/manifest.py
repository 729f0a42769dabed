"""Reading TFLiteConversion resources from a YAML file, as `kubectl apply -f` would, for a run without a cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from tflite_api.names import API_VERSION, GROUP, KIND
from tflite_api.reasons import Reason
from tflite_api.schema import describe
from tflite_converter.core.failure import IN_MESSAGE, StepFailure
from tflite_converter.core.local_spec import LocalConversion

_FILE_BYTES: Final = 4 << 20
_ANOTHER: Final = "Name the file of a conversion with --file"


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
            problems.append(f"document {number} of {path.name} is no Kubernetes resource: correct or remove it")
        elif not _is_conversion(document):
            skipped.append(str(document.get("kind", "a document without kind")))
        else:
            try:
                conversions.append(LocalConversion.from_object(document))
            except ValidationError as error:
                problems.append(f"{_title(document, number, len(documents))}{describe(error)}")
    names = [conversion.metadata.name for conversion in conversions]
    problems += [
        f"{path.name} holds two conversions named {name}: rename one"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    if not problems and not conversions:
        problems.append(f"{path.name} holds no {KIND} of {API_VERSION}: name a file that holds one with --file")
    if problems:
        raise StepFailure(Reason.INVALID_SPEC, "; ".join(problems), IN_MESSAGE)
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
        raise StepFailure(Reason.INVALID_SPEC, f"{path} cannot be read: {error.strerror}", _ANOTHER) from error
    if len(text) > _FILE_BYTES:
        raise StepFailure(Reason.INVALID_SPEC, f"{path} is larger than {_FILE_BYTES} bytes", _ANOTHER)
    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, RecursionError) as error:
        words = f"{path} is no valid YAML: {error}"
        raise StepFailure(Reason.INVALID_SPEC, words, "Correct it there") from error
