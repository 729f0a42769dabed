"""Work in the background that neither keeps a failed program from ending nor hides its own failure."""

import threading
from collections.abc import Callable


class Background:
    """A function that runs in a thread of its own.

    Unlike an executor's, the thread does not keep the program from ending: when the other half of the work
    fails, its message is shown at once, and the commands that this half runs are ended with the program.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        """Start it."""
        self._error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is done; raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self._error = error
