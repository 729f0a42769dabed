"""Servers of this process for the time of a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer


@contextmanager
def serving_in_background(server: BaseServer) -> Iterator[None]:
    """Let a server answer in a thread, and close it."""
    # It looks so often whether it is to stop, by itself twice a second: each test would wait for that.
    poll_seconds = 0.01
    threading.Thread(target=server.serve_forever, args=(poll_seconds,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
