"""A model as people name it on a command line: an address, or a file or folder of this machine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tflite_api.names import MODEL_ENV_PREFIX
from tflite_converter.core.local_spec import LocalModelSource

ARCHIVE_ENDS: Final = re.compile(r"\.(tar|tar\.(gz|bz2|xz)|tgz|zip)$")
_S3_SCHEME: Final = "s3://"
_KAGGLE_PAGES: Final = "https://www.kaggle.com/models/"
MODEL_SECRET: Final = "model-credentials"  # noqa: S105 - the name of one
KAGGLE_SECRET: Final = "kaggle"  # noqa: S105 - the name of one
_EXAMPLE: Final = "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5"


class AddressError(ValueError):
    """What was written names no model; the message says what to write instead."""


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
    if not text.startswith(_S3_SCHEME) and bucket != Bucket():
        raise AddressError("the S3 server and region are those of a model at s3://: leave them out for this one")
    return LocalModelSource.from_object(_fields(text, bucket, environment) | {"tags": tags or None})


def _fields(text: str, bucket: Bucket, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a source; None stands for one that is absent, as in every schema here."""
    if "://" not in text:
        if not Path(text).exists():
            raise AddressError(
                f"there is no file or folder {text} here: write one that is, or an address such as {_EXAMPLE}"
            )
        return {"handle": Path(text).resolve().as_uri()}
    if text.startswith(_S3_SCHEME):
        return {"s3": _in_bucket(text.removeprefix(_S3_SCHEME), bucket, environment)}
    if text.startswith(_KAGGLE_PAGES):
        secret = {"name": KAGGLE_SECRET} if environment.get("KAGGLE_KEY") else None
        return {"kaggle": {"handle": text.removeprefix(_KAGGLE_PAGES).removesuffix("/"), "secretRef": secret}}
    # A Hub handle has no query, and is answered with an archive of no name.
    if text.startswith("http") and (ARCHIVE_ENDS.search(urlsplit(text).path) or "?" in text):
        return {"archive": {"url": text}}
    return {"handle": text}


def _in_bucket(path: str, bucket: Bucket, environment: Mapping[str, str]) -> dict[str, Any]:
    name, _, key = path.partition("/")
    if not key:
        raise AddressError(
            "names no archive and no folder in the bucket: write for example s3://training/flowers/1/model.tar.gz"
            " or s3://training/flowers/1/"
        )
    signed = bool(environment.get(f"{MODEL_ENV_PREFIX}AWS_ACCESS_KEY_ID"))
    return {
        "bucket": name,
        "key" if ARCHIVE_ENDS.search(key) else "prefix": key,
        "endpoint": bucket.endpoint,
        "region": bucket.region,
        "secretRef": {"name": MODEL_SECRET} if signed else None,
    }
