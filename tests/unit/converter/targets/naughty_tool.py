"""A tool that does what a hostile file may have it do."""

import os
import signal
import sys
import time
from pathlib import Path

from tflite_converter.targets.tools import bounds


def main(what: str) -> None:
    bounds.set_bounds()
    match what:
        case "allocate":
            bytearray(bounds.MEMORY_BYTES)
        case "write":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            with Path("large").open("wb") as file:
                file.truncate(bounds.FILE_BYTES + 1)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(600)
        case "shout":
            print("\x1b[31m" + "x" * 3_000_000 + "\nlast words")
        case "environment":
            print(dict(os.environ))


if __name__ == "__main__":
    main(sys.argv[1])
