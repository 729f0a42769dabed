"""The process in which LiteRT's own profiler looks at an artifact as it runs.

LiteRT's Python interface has no profiler. The library beneath it has one in its C interface (litert/c/*.h), with
XNNPACK's operators apart; its symbols are versioned, and the wheel that it comes in is pinned. Whatever goes wrong, an
operator that crashes included, ends this process and costs nothing but these figures.
"""

import ctypes
import sys
import time
from ctypes import byref, c_bool, c_char_p, c_int, c_int32, c_size_t, c_uint, c_void_p
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LIBRARY: Final = "libLiteRt.so"
_CPU: Final = 1
"""kLiteRtHwAcceleratorCpu"""
_WRITE: Final = 1
"""kLiteRtTensorBufferLockModeWrite"""
_MOST_DIMENSIONS: Final = 8
_WARM_UP_RUNS: Final = 3
_LEAST_RUNS: Final = 3
_MOST_RUNS: Final = 100
_SECONDS: Final = 0.5


class _Layout(ctypes.Structure):
    """LiteRtLayout"""

    _fields_ = (
        ("rank", c_uint, 7),
        ("has_strides", c_uint, 1),
        ("dimensions", c_int32 * _MOST_DIMENSIONS),
        ("strides", ctypes.c_uint32 * _MOST_DIMENSIONS),
    )


class _TensorType(ctypes.Structure):
    """LiteRtRankedTensorType"""

    _fields_ = (("element", c_int), ("layout", _Layout))


class _LiteRt:
    """The library: a call that fails ends the process."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def call(self, name: str, *arguments: object) -> None:
        """Call a function that returns a status."""
        function = getattr(self._library, f"LiteRt{name}")
        function.restype = c_int
        if status := function(*arguments):
            sys.exit(f"LiteRt{name}: status {status}")

    def made(self, name: str, *arguments: object) -> c_void_p:
        """Return what a function gives by its last argument."""
        given = c_void_p()
        self.call(name, *arguments, byref(given))
        return given

    def options(self, threads: int) -> c_void_p:
        """Return the options of a model that XNNPACK runs, with the profiler on."""
        options = self.made("CreateOptions")
        self.call("SetOptionsHardwareAccelerators", options, c_int(_CPU))
        c = ctypes.CDLL(None)
        c.strdup.restype = c_void_p
        for name, text in ((b"runtime_options_string", "enable_profiling = true\n"), (b"xnnpack", _of(threads))):
            # The library frees it.
            payload = c_void_p(c.strdup(text.encode()))
            self.call("AddOpaqueOptions", options, self.made("CreateOpaqueOptions", name, payload, c.free))
        return options


def _of(threads: int) -> str:
    return f"num_threads = {threads}\n"


class _Model:
    """A signature of an artifact, with memory for its inputs and outputs."""

    def __init__(self, litert: _LiteRt, artifact: Path, key: str, threads: int) -> None:
        self._litert = litert
        self._environment = litert.made("CreateEnvironment", c_int(0), None)
        model = litert.made("CreateModelFromFile", self._environment, str(artifact).encode())
        self.compiled = litert.made("CreateCompiledModel", self._environment, model, litert.options(threads))
        self._index, self._signature = self._found(model, key)
        self._buffers: dict[str, Any] = {}

    def _found(self, model: c_void_p, key: str) -> tuple[c_size_t, c_void_p]:
        count = c_size_t()
        self._litert.call("GetNumModelSignatures", model, byref(count))
        for index in range(count.value):
            signature, name = self._litert.made("GetModelSignature", model, c_size_t(index)), c_char_p()
            self._litert.call("GetSignatureKey", signature, byref(name))
            if name.value == key.encode():
                return c_size_t(index), signature
        sys.exit(f"it has no signature {key}")

    def prepare(self, given: dict[str, npt.NDArray[Any]]) -> None:
        """Give the inputs their shapes and values, and the outputs room."""
        inputs = self._tensors("Input")
        for number, (name, _) in enumerate(inputs):
            shape = given[name].shape
            place = (self._index, c_size_t(number), (c_int * len(shape))(*shape), c_size_t(len(shape)))
            self._litert.call("CompiledModelResizeInputTensorNonStrict", self.compiled, *place)
        outputs = self._tensors("Output")
        layouts = (_Layout * len(outputs))()
        asked = (self._index, c_size_t(len(outputs)), layouts, c_bool(True))
        self._litert.call("GetCompiledModelOutputTensorLayouts", self.compiled, *asked)
        shapes = [given[name].shape for name, _ in inputs]
        self._hold("Input", inputs, shapes)
        self._hold("Output", outputs, [tuple(each.dimensions[: each.rank]) for each in layouts])
        for number, (name, _) in enumerate(inputs):
            self._write(c_void_p(self._buffers["Input"][number]), np.ascontiguousarray(given[name]))

    def _tensors(self, side: str) -> list[tuple[str, _TensorType]]:
        count, found = c_size_t(), []
        self._litert.call(f"GetNumSignature{side}s", self._signature, byref(count))
        for number in map(c_size_t, range(count.value)):
            name, kind = c_char_p(), _TensorType()
            self._litert.call(f"GetSignature{side}Name", self._signature, number, byref(name))
            tensor = self._litert.made(f"GetSignature{side}TensorByIndex", self._signature, number)
            self._litert.call("GetRankedTensorType", tensor, byref(kind))
            found.append(((name.value or b"").decode(), kind))
        return found

    def _hold(self, side: str, tensors: list[tuple[str, _TensorType]], shapes: list[tuple[int, ...]]) -> None:
        self._buffers[side] = (c_void_p * len(tensors))()
        for number, ((_, kind), shape) in enumerate(zip(tensors, shapes, strict=True)):
            for axis, size in enumerate(shape):
                kind.layout.dimensions[axis] = size
            needs = self._litert.made(
                f"GetCompiledModel{side}BufferRequirements", self.compiled, self._index, c_size_t(number)
            )
            made = self._litert.made("CreateManagedTensorBufferFromRequirements", self._environment, byref(kind), needs)
            self._buffers[side][number] = made.value

    def _write(self, buffer: c_void_p, values: npt.NDArray[Any]) -> None:
        size, memory = c_size_t(), c_void_p()
        self._litert.call("GetTensorBufferPackedSize", buffer, byref(size))
        if size.value != values.nbytes:
            sys.exit(f"an input takes {size.value} bytes, not {values.nbytes}")
        self._litert.call("LockTensorBuffer", buffer, byref(memory), c_int(_WRITE))
        ctypes.memmove(memory, values.ctypes.data, values.nbytes)
        self._litert.call("UnlockTensorBuffer", buffer)

    def run(self) -> None:
        """Run it once."""
        counts = {side: c_size_t(len(buffers)) for side, buffers in self._buffers.items()}
        sides = (counts["Input"], self._buffers["Input"], counts["Output"], self._buffers["Output"])
        self._litert.call("RunCompiledModel", self.compiled, self._index, *sides)


def summary(artifact: Path, key: str, threads: int, given: dict[str, npt.NDArray[Any]]) -> str:
    """Return what the profiler says of some runs of a signature."""
    spec = find_spec("ai_edge_litert")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("LiteRT is not installed")
    litert = _LiteRt(Path(spec.submodule_search_locations[0]) / LIBRARY)
    model = _Model(litert, artifact, key, threads)
    model.prepare(given)
    profiler = litert.made("CompiledModelGetProfiler", model.compiled)
    for _ in range(_WARM_UP_RUNS):
        model.run()
    litert.call("StartProfiler", profiler)
    started, runs = time.monotonic(), 0
    while runs < _LEAST_RUNS or (runs < _MOST_RUNS and time.monotonic() - started < _SECONDS):
        model.run()
        runs += 1
    litert.call("StopProfiler", profiler)
    text = c_char_p()
    litert.call("GetProfileSummary", profiler, model.compiled, byref(text))
    return (text.value or b"").decode(errors="replace")


def main() -> None:
    """Print the summary on stdout: of an artifact, a signature, with so many threads, on an input (.npz)."""
    artifact, key, threads, inputs = sys.argv[1:]
    with np.load(inputs, allow_pickle=False) as found:
        given = {name: found[name] for name in found.files}
    sys.stdout.write(summary(Path(artifact), key, int(threads), given))


if __name__ == "__main__":
    main()
