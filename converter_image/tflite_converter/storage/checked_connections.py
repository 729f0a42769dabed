"""Connections of botocore that lead to no refused address: checked is the address to which each is made.

botocore resolves a server's name anew for every connection, and a name may mean another address then than when the spec
was looked at.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from tflite_converter.storage.store import Refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_NAME: Final = (socket.EAI_NONAME, "not the name of a host")


class RefusedAddressError(Exception):
    """A name led to an address that must not be connected to."""


def check_connections(client: "S3Client", refusal: Refusal) -> None:
    """Have a client connect to no refused address. A proxy is the administrator's choice, wherever it is."""

    class Connection(AWSHTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, super()._new_conn, refusal)

    class TLSConnection(AWSHTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, super()._new_conn, refusal)

    class Pool(AWSHTTPConnectionPool):
        ConnectionCls = Connection

    class TLSPool(AWSHTTPSConnectionPool):
        ConnectionCls = TLSConnection

    # botocore has no public way to this; its pools for proxies are others.
    session = client._endpoint.http_session  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    session._manager.pool_classes_by_scheme = {"http": Pool, "https": TLSPool}  # noqa: SLF001 - see above


def _connect(connection: HTTPConnection, connect: Callable[[], socket.socket], refusal: Refusal) -> socket.socket:
    """Connect to the first address of a connection's host that answers, where none is refused."""
    name: str = connection._dns_host  # noqa: SLF001 - urllib3 has no public way to connect to an address for a name
    addresses = list(dict.fromkeys(_looked_up(connection, name)))
    for address in addresses:
        if (why := refusal(address)) is not None:
            raise RefusedAddressError(f"{address}, which {why}")
    *earlier, last = addresses
    try:
        for address in earlier:
            connection._dns_host = address  # noqa: SLF001 - the same
            with suppress(NewConnectionError, ConnectTimeoutError):
                return connect()
        connection._dns_host = last  # noqa: SLF001 - the same
        return connect()
    finally:
        # It is also the name that the certificate is for.
        connection._dns_host = name  # noqa: SLF001 - the same


def _looked_up(connection: HTTPConnection, name: str) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(name.strip("[]"), connection.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except UnicodeError as error:
        raise NameResolutionError(connection.host, connection, socket.gaierror(*_NO_NAME)) from error
    return (str(address[0]) for *_, address in found)
