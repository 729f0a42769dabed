"""How long each step took when it last succeeded, so that the next run can say what to expect."""

import json
import threading
from pathlib import Path

from dev.host import files
from dev.host.checkout import Checkout

_WRITING = threading.Lock()


def last(checkout: Checkout, what: str) -> float | None:
    """Return the seconds that a step took; None where none is known."""
    return _read(checkout).get(what)


def record(checkout: Checkout, what: str, seconds: float) -> None:
    """Take down how long a step took; nothing where `make clean` has just removed the folder that it would lie in."""
    with _WRITING:
        if checkout.cache.is_dir():
            files.write(_path(checkout), json.dumps(_read(checkout) | {what: round(seconds, 1)}, indent=1))


def text(seconds: float) -> str:
    """Return a duration as a person says it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _read(checkout: Checkout) -> dict[str, float]:
    try:
        known = json.loads(_path(checkout).read_text())
    except (FileNotFoundError, ValueError):
        # It is a courtesy: what cannot be read is as good as not known.
        return {}
    items = known.items() if isinstance(known, dict) else ()
    return {what: float(took) for what, took in items if isinstance(took, int | float)}


def _path(checkout: Checkout) -> Path:
    return checkout.cache / "durations.json"
