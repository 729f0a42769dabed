"""The certificate authorities that a step trusts: the public ones, the administrator's, at one server the spec's."""

import logging
import ssl
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

import certifi

from tflite_api.authorities import AuthoritiesReference, AuthoritiesVolume
from tflite_api.names import CA_BUNDLE_ENV, REQUESTED_AT_ANNOTATION
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import write_whole

_LOG = logging.getLogger(__name__)
_READ_BY_CLIENTS: Final = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""By Python's ssl, botocore, requests, and TensorFlow's own client of Google Cloud Storage. Each takes one file."""


def client_context() -> ssl.SSLContext:
    """Return how a client of this process checks a server's certificate, the same on every Python.

    Python 3.13 refuses authorities whose certificates lack what RFC 5280 asks for, such as the key-usage extension that
    `openssl req -x509` leaves out. Older Pythons, botocore, curl and Go take them, and whoever names one means it.
    """
    # Made anew each time: the authorities are those that are named by now.
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def trust(environment: MutableMapping[str, str], folder: Path) -> None:
    """Have every client of this process trust the administrator's authorities too.

    Args:
        environment: of this process; where it names no bundle, nothing changes.
        folder: where the file with all authorities is written.

    Raises:
        StepFailure: InternalError where the bundle holds no certificates.
    """
    named = environment.get(CA_BUNDLE_ENV)
    if named is None:
        return
    bundle = Path(named)
    if not bundle.exists():
        _LOG.warning(
            "The ConfigMap of the certificate authorities is not in this namespace, or lacks its key:"
            " only public authorities are trusted"
        )
        return
    try:
        _check(bundle)
    except ssl.SSLError as error:
        raise StepFailure(
            Reason.INTERNAL_ERROR,
            "The ConfigMap of the certificate authorities (CONVERTER_CA_CONFIG_MAP) holds no certificates in PEM form"
            f" under the operator's CONVERTER_CA_KEY: {_words(error)}",
            "Have the administrator correct it",
        ) from error
    every = folder / "authorities.pem"
    every.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + bundle.read_bytes())
    environment.update(dict.fromkeys(_READ_BY_CLIENTS, str(every)))


def of_server(
    reference: AuthoritiesReference | None, volume: AuthoritiesVolume, environment: Mapping[str, str]
) -> Path | None:
    """Return the file of all authorities that a spec's server may have; None where the spec names none for it.

    Args:
        reference: what the spec names, to be trusted at that server alone, beside what every client trusts.
        volume: where it is.
        environment: of this process, after `trust`.

    Raises:
        StepFailure: InvalidSpec if there are no certificates in it.
    """
    if reference is None:
        return None
    own = Path(volume.file)
    if not own.exists():
        # No pod starts without it.
        _LOG.warning(
            "ConfigMap %s (%s) is in the cluster alone: here AWS_CA_BUNDLE names a file of authorities",
            reference.name,
            volume.field,
        )
        return None
    try:
        _check(own)
    except ssl.SSLError as error:
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"ConfigMap {reference.name} ({volume.field}) holds no certificates in PEM form under the key"
            f" {reference.key}: {_words(error)}",
            f"Correct it, then ask for one more run with a new value of the annotation {REQUESTED_AT_ANNOTATION}",
        ) from error
    known = Path(environment.get("AWS_CA_BUNDLE") or certifi.where())
    every = Path(tempfile.gettempdir()) / f"{volume.name}.pem"
    write_whole(every, known.read_bytes() + b"\n" + own.read_bytes())
    return every


def _check(bundle: Path) -> None:
    """Raise ssl.SSLError where a file holds no certificates."""
    ssl.create_default_context().load_verify_locations(cafile=bundle)


def _words(error: ssl.SSLError) -> str:
    return error.reason or "they cannot be read"
