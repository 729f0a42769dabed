"""tensorflow_hub itself resolves a handle in the process that converts: from its cache alone, and cheaply."""

import subprocess
import sys
from pathlib import Path

import pytest

from tflite_converter.core import hub_cache

pytestmark = pytest.mark.tensorflow

HANDLE = "https://nowhere.invalid/google/model/1"
_RESOLVE = """
import sys
from pathlib import Path
from tflite_converter.model.running import runtime
from tflite_converter.model.running import tfhub
runtime.load_tensorflow()

def watch(event, _):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        print(event)

sys.addaudithook(watch)
try:
    print(tfhub.resolve(sys.argv[1], Path(sys.argv[2])))
except Exception as error:
    print(error)
print(sys.modules["tensorflow_hub.module_v2"].resolve.__module__, *sorted({"keras", "tf_keras"} & sys.modules.keys()))
"""


def said(cache: Path) -> list[str]:
    command = [sys.executable, "-c", _RESOLVE, HANDLE, str(cache)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_handle_is_resolved_by_tensorflow_hub_without_its_keras_layer(tmp_path: Path) -> None:
    folder = hub_cache.folder_of(HANDLE, tmp_path)
    folder.mkdir()
    (folder / "saved_model.pb").touch()
    assert said(tmp_path) == [str(folder), "tensorflow_hub.module_v2"]


def test_what_is_not_in_the_cache_is_asked_of_nobody(tmp_path: Path) -> None:
    assert said(tmp_path) == [f"tensorflow_hub does not find {HANDLE} in its cache", "tensorflow_hub.module_v2"]
