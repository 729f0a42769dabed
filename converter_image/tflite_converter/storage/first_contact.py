"""Waits a little for the network of a pod that has just started: a mesh's proxy beside it may not be ready yet.

botocore's own retries of a connection that is refused are over in a fraction of a second.
"""

import errno
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from botocore.exceptions import EndpointConnectionError, ProxyConnectionError

from tflite_converter.storage.obstacles import causes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PAUSE_SECONDS: Final = 0.5
_MAY_PASS: Final = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, socket.EAI_AGAIN})


def wait_for(client: "S3Client", seconds: float) -> None:
    """Have a client try again for so long after the first connection that does not come about."""
    # What a handler answers is how long botocore waits; the first that answers counts, and the others give up earlier.
    client.meta.events.register_first("needs-retry.s3", Patience(seconds).pause)  # type: ignore[arg-type] # the stubs know of no answer


class Patience:
    """Patience with a network that may be about to come up: once, and not with one that was there before."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how long it lasts from the first failure on."""
        self._seconds = seconds
        self._clock = clock
        self._end: float | None = None

    def pause(self, caught_exception: Exception | None = None, **_: object) -> float | None:
        """Return how long to wait before the same is asked again; None where that is not for the network's sake."""
        if not _is_unreachable(caught_exception):
            self._end = self._clock()
            return None
        if self._end is None:
            self._end = self._clock() + self._seconds
        return _PAUSE_SECONDS if self._clock() < self._end else None


def _is_unreachable(error: Exception | None) -> bool:
    """Return whether no connection came about, in a way that may pass: neither an answer nor a wrong name."""
    if not isinstance(error, EndpointConnectionError | ProxyConnectionError):
        return False
    return any(isinstance(cause, OSError) and cause.errno in _MAY_PASS for cause in causes(error))
