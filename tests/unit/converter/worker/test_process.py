"""A process that runs beside the supervisor as the same user reaches nothing that the supervisor has open."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

REACH = textwrap.dedent(
    """
    import os, subprocess, sys
    from tflite_converter.worker.process import shut_off
    if sys.argv[1] == "shut off":
        shut_off()
    code = (
        "import os\\n"
        "for place in ('fd/2', 'mem', 'environ'):\\n"
        "    try:\\n"
        "        flags = os.O_RDONLY if place == 'environ' else os.O_WRONLY\\n"
        "        os.close(os.open(f'/proc/{os.getppid()}/{place}', flags))\\n"
        "        print(place)\\n"
        "    except OSError:\\n"
        "        pass\\n"
    )
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    """
)
# Root may look into every process, which no container of ours may.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def reached(how: str) -> str:
    if UNPRIVILEGED and shutil.which("setpriv") is None:
        pytest.skip("no setpriv, with which root is as anybody")
    command = [*UNPRIVILEGED, sys.executable, "-c", REACH, how]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_process_of_the_same_user_reaches_another_as_a_rule() -> None:
    assert reached("as it is") == "['fd/2', 'mem', 'environ']"


def test_it_reaches_nothing_of_one_that_is_shut_off() -> None:
    assert reached("shut off") == "[]"
