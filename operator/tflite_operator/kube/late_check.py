"""Asks once more whether a write may go out, when its connection is there and its first byte is due.

Making a connection takes a while. A process that is stopped meanwhile, and goes on when another holds the lease, would
write all the same.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection

from tflite_operator.kube.fence import LeaseLostError

Check = Callable[[], object]
"""Raises LeaseLostError when the request may not go out."""


def unchecked() -> None:
    """Let a request go out."""


CHECK: Final[ContextVar[Check]] = ContextVar("check", default=unchecked)
"""Of the requests that are made in this context."""


class CheckedRequest(aiohttp.ClientRequest):
    """A request whose body, and with it its first byte, is held back by the check."""

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """Write the headers and the body."""
        try:
            CHECK.get()()
        except LeaseLostError as lost:
            # This runs in a task of its own: whoever waits for the answer is told.
            if conn.protocol is not None:
                conn.protocol.set_exception(lost)
            return
        await super().write_bytes(writer, conn, content_length)
