"""The browser in which tests look at pages: the machine's own Chromium, or where there is none Playwright's.

Debian packages it (dev/host/prerequisites.py). Ubuntu does not; there it comes from where Playwright has it, into
.cache.
"""

import os
import shutil
import subprocess
import sys

from dev.host.checkout import Checkout

_FOLDER_VARIABLE = "PLAYWRIGHT_BROWSERS_PATH"


def executable(checkout: Checkout) -> str | None:
    """Return the machine's Chromium, or None: then Playwright uses its own, which is fetched if it is not there.

    Raises:
        subprocess.CalledProcessError: it cannot be fetched; Playwright says why on stderr.
    """
    found = shutil.which("chromium")
    if found is None:
        os.environ[_FOLDER_VARIABLE] = str(checkout.cache / "browsers")
        command = [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return found
