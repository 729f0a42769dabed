"""What the steps report while they work; listeners render it."""

import logging
import time
from typing import Final, Protocol

from tflite_api.resource.status import Trial
from tflite_converter.core import trial_words
from tflite_converter.core.units import bytes_in_words

_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_LINES: Final = 10.0


class Progress(Protocol):
    """A listener to the steps."""

    def phase(self, text: str) -> None:
        """Something new begins, for example `Converting`."""

    def received(self, done: int, total: int | None) -> None:
        """`done` bytes of a download are here, of `total` where the server said how many."""

    def tried(self, trial: Trial) -> None:
        """Take in what came of a trial of quantization.type Auto."""


class LoggedProgress:
    """Progress as log lines: each phase, and a download's bytes now and then."""

    def __init__(self) -> None:
        """Start the clock of the download's lines."""
        self._last_line = time.monotonic()

    def phase(self, text: str) -> None:
        """Log the phase."""
        _LOG.info(text)

    def received(self, done: int, total: int | None) -> None:
        """Log the bytes received, at most one line in ten seconds."""
        if time.monotonic() - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = time.monotonic()
        _LOG.info("Received %s%s", bytes_in_words(done), f" of {bytes_in_words(total)}" if total else "")

    def tried(self, trial: Trial) -> None:
        """Log what came of it."""
        _LOG.info("%s", "  ".join(trial_words.row(trial)))
