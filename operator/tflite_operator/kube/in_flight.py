"""Keeps a request that the network did not take from arriving when another holds the lease.

The kernel sends what nobody acknowledged again and again, for a quarter of an hour (tcp(7), tcp_retries2), and goes on
when the process that wrote it has closed the connection or is gone. A replica that was cut off would so create Jobs
once the network is back, long after it ended.
"""

import socket
import struct
from typing import Final

import aiohttp
from aiohttp import AddrInfoType
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

_DISCARD_WHEN_CLOSED: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing, or the end of the process, throws away what was not acknowledged (socket(7))."""


class BriefRestClient(RESTClientObject):  # type: ignore[misc]  # The client has no types.
    """The Kubernetes client's own connections, which give up what is not acknowledged within some seconds."""

    def __init__(self, configuration: Configuration, seconds: float) -> None:
        """Take a loaded configuration, and for how long the network may keep what was sent."""
        super().__init__(configuration)
        self._milliseconds = max(int(seconds * 1000), 1)

    def _create_connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=self.maxsize, ssl=self.ssl_context, socket_factory=self._socket)

    def _socket(self, address: AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD_WHEN_CLOSED)
        # Linux alone has it. The kernel keeps to it while the process is frozen, too.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._milliseconds)
        return made
