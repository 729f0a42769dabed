"""Which cluster, storage and Hub server the tests use: what `make env` prints, or what the user exported."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
from mypy_boto3_s3 import S3Client

REQUIRED = (
    "KUBECONFIG",
    "S3_ENDPOINT",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "HUB_URL",
    "HUB_DIR",
    "OPERATOR_IMAGE",
    "CONVERTER_IMAGE",
)


@dataclass(frozen=True)
class Environment:
    """Where the tests run."""

    kubeconfig: str
    context: str | None
    s3_endpoint: str
    access_key: str
    secret_key: str
    hub_url: str
    hub_dir: Path
    operator_image: str
    converter_image: str
    audit_log: Path | None = None
    """Where the API server writes down what is changed; None on a cluster that does not let it be read."""

    @property
    def kubectl(self) -> list[str]:
        """The start of every kubectl command line."""
        context = ["--context", self.context] if self.context else []
        return [shutil.which("kubectl") or "kubectl", "--kubeconfig", self.kubeconfig, *context]

    def storage(self) -> S3Client:
        """Return a client of the storage."""
        return boto3.client(
            "s3",
            endpoint_url=self.s3_endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
        )


def missing(variables: Mapping[str, str]) -> list[str]:
    """Name the variables that are not set."""
    return [name for name in REQUIRED if not variables.get(name)]


def from_variables(variables: Mapping[str, str] = os.environ) -> Environment:
    """Read the environment; `missing` must be empty."""
    return Environment(
        kubeconfig=variables["KUBECONFIG"],
        context=variables.get("KUBE_CONTEXT"),
        s3_endpoint=variables["S3_ENDPOINT"],
        access_key=variables["AWS_ACCESS_KEY_ID"],
        secret_key=variables["AWS_SECRET_ACCESS_KEY"],
        hub_url=variables["HUB_URL"].rstrip("/"),
        hub_dir=Path(variables["HUB_DIR"]),
        operator_image=variables["OPERATOR_IMAGE"],
        converter_image=variables["CONVERTER_IMAGE"],
        audit_log=Path(variables["AUDIT_LOG"]) if variables.get("AUDIT_LOG") else None,
    )
