"""Whether the storage's endpoint is a place that a stranger's conversion may lead to."""

import socket
from typing import Final
from urllib.parse import urlsplit

from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_api.step import FetchLimits
from tflite_converter.failure import StepFailure
from tflite_converter.network_address import refusal

_PORTS: Final = {"http": 80, "https": 443}


def check(where: S3Destination, limits: FetchLimits) -> None:
    """Refuse an endpoint that leads to this machine, its link or a cloud's metadata service.

    What is read from there is handed to the model, and would leave with the artifact. An endpoint whose name is not
    known is left to the client, which says so. Its name may mean another address a moment later: that only a
    NetworkPolicy can prevent.

    Raises:
        StepFailure: AddressRefused, with the address and why.
    """
    if where.endpoint is None or limits.allow_local_addresses:
        return
    parts = urlsplit(where.endpoint)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or _PORTS[parts.scheme], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for address in (str(one[4][0]) for one in found):
        if (why := refusal(address)) is not None:
            raise StepFailure(
                Reason.ADDRESS_REFUSED,
                f"destination.s3.endpoint {where.endpoint} leads to {address}, which {why}:"
                " such addresses are not allowed",
            )
