"""The process that children which convert are forked from: TensorFlow is imported once for all of them.

Started as `python -P child_server.py DESCRIPTOR` with the environment of a child; on that socket forked_children.py
asks for one after the other.
"""

import json
import os
import socket
import sys
from typing import Any, Final

from tflite_converter.convert import child
from tflite_converter.model.running import runtime

_MESSAGE_BYTES: Final = 1 << 20
_DESCRIPTORS: Final = 3


def main(asked: socket.socket) -> int:
    """Fork a child for each message, until the other end closes; return the exit code, in each child too."""
    runtime.load_tensorflow()
    while True:
        content, descriptors, _, _ = socket.recv_fds(asked, _MESSAGE_BYTES, _DESCRIPTORS)
        if not content:
            return 0
        forked = _fork()
        if forked is None:
            asked.close()
            return _as_child(json.loads(content), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        asked.send(str(forked).encode())


def _fork() -> int | None:
    """Fork a process whose parent is who asked; return its id, and None in that process.

    What forks it ends at once, and the kernel gives it to who asked, which is a subreaper meanwhile (prctl(2)).
    """
    telling, told = os.pipe()
    waiting, ready = os.pipe()
    between = os.fork()
    if between == 0:
        forked = os.fork()
        if forked:
            os.write(told, str(forked).encode())
            os._exit(0)
        for descriptor in (telling, told, ready):
            os.close(descriptor)
        # Until it has the parent that it is to end with.
        os.read(waiting, 1)
        os.close(waiting)
        return None
    found = int(os.read(telling, 32))
    os.waitpid(between, 0)
    for descriptor in (telling, told, waiting, ready):
        os.close(descriptor)
    return found


def _as_child(order: dict[str, Any], stdin: int, output: int, report: int) -> int:
    """Be the child, in the session, the folder and the environment and with the descriptors of one that was started."""
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for descriptor, place in ((stdin, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place)
    os.close(stdin)
    os.close(output)
    sys.argv = [child.__file__, str(report)]
    return child.main()


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
