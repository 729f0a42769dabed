"""A model as people name it on a command line: an address, or a file or folder of this machine."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tflite_api.sources.model_source import SOURCES
from tflite_api.sources.s3 import S3Source
from tflite_api.sources.source import AddressError, Source
from tflite_converter.core.local_spec import LocalModelSource

_EXAMPLE: Final = "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5"


@dataclass(frozen=True)
class Bucket:
    """Where the buckets of s3:// addresses are; None for AWS and its first region."""

    endpoint: str | None = None
    region: str | None = None


def source_of(text: str, tags: list[str] | None, bucket: Bucket, environment: Mapping[str, str]) -> LocalModelSource:
    """Take what was written for the source that a spec would name.

    Args:
        text: what was written.
        tags: of the graph to take; None to have it chosen.
        bucket: about the S3 server.
        environment: tells by the variables that are set, not by their values, whether credentials are to be used.

    Raises:
        AddressError: it is no address of a model, and no file or folder that is there.
        ValidationError: a part of it is none, or the tags, the server or the region.
    """
    fields = _fields(text, bucket, environment)
    if "s3" not in fields and bucket != Bucket():
        raise AddressError("the S3 server and region are those of a model at s3://: leave them out for this one")
    return LocalModelSource.from_object(fields | {"tags": tags or None})


def _fields(text: str, bucket: Bucket, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a source; None stands for one that is absent, as in every schema here."""
    if "://" not in text:
        if not Path(text).exists():
            raise AddressError(
                f"there is no file or folder {text} here: write one that is, or an address such as {_EXAMPLE}"
            )
        text = Path(text).resolve().as_uri()
    candidates = ((name, kind, kind.fields_of(text)) for name, kind in reversed([*SOURCES.items()]))
    name, kind, fields = next(found for found in candidates if found[2] is not None)
    if not isinstance(fields, dict):
        return {name: fields}
    if kind.CREDENTIALS:
        fields |= {"secretRef": {"name": kind.EXAMPLE_SECRET} if _has_credentials(kind, environment) else None}
    return {name: fields | (asdict(bucket) if kind is S3Source else {})}


def _has_credentials(kind: type[Source], environment: Mapping[str, str]) -> bool:
    wanted = [name for name, may_be_absent in kind.CREDENTIALS.items() if not may_be_absent]
    return any(environment.get(f"{kind.VARIABLE_PREFIX}{name}") for name in wanted)
