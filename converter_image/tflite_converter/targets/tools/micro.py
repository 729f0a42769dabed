"""The process in which tflite-micro runs a file: `python -m tflite_converter.targets.tools.micro FOLDER SAMPLES`.

In the folder are `model.tflite` and the inputs of each sample in the file's own order; outputs are left there by the
same rule. What tflite-micro says, its C++ says on stderr, which goes to the file `said.txt` there.
"""

import re
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_converter.targets.tools import bounds
from tflite_converter.worker.reporter import die_with_parent

MODEL: Final = "model.tflite"
SAID: Final = "said.txt"
SAID_BYTES: Final = 1024**2
"""How much of it is read."""
NO_KERNEL: Final = re.compile(r"Failed to get registration from op code (\w+)")
"""tensorflow/lite/micro/micro_interpreter.cc"""
ARENA_BYTES: Final = 256 * 1024**2
"""More than any microcontroller has; only what is used of it becomes memory."""
_MOST_LACKING: Final = 64
_STAND_IN: Final = "RELU"
"""An operator without options, which tflite-micro has."""
_CODE_FIELDS: Final = ((4, np.int8), (10, np.int32))
"""Where an OperatorCode keeps its builtin code, the old field and the new one, in the table of the schema."""


def main(folder: Path, samples: int) -> None:
    """Run the file on all samples, and say what it took; where it lacks operators, say of each that it does."""
    die_with_parent()
    bounds.set_bounds()
    content = (folder / MODEL).read_bytes()
    try:
        interpreter = _interpreter(content)
    except RuntimeError:
        _tell_what_lacks(bytearray(content), folder / SAID)
        raise
    inputs, outputs = _counts(content)
    for sample in range(samples):
        interpreter.reset()
        for number in range(inputs):
            interpreter.set_input(np.load(folder / input_name(sample, number), allow_pickle=False), number)
        interpreter.invoke()
        for number in range(outputs):
            np.save(folder / output_name(sample, number), interpreter.get_output(number))
    interpreter.print_allocations()
    bounds.done()


def input_name(sample: int, number: int) -> str:
    """Return the name of a file with an input."""
    return f"input-{sample}-{number}.npy"


def output_name(sample: int, number: int) -> str:
    """Return the name of a file with an output."""
    return f"output-{sample}-{number}.npy"


def _interpreter(content: bytes) -> Any:  # noqa: ANN401 - tflite-micro has no types
    from tflite_micro.python.tflite_micro import runtime  # noqa: PLC0415 - nothing of it runs without bounds

    return runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)


def _counts(content: bytes) -> tuple[int, int]:
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    return graph.InputsLength(), graph.OutputsLength()


def _tell_what_lacks(content: bytearray, said: Path) -> None:
    """Have tflite-micro name each operator that it lacks: it stops at the first, so another stands in for that."""
    told = ""
    for _ in range(_MOST_LACKING):
        lacking = NO_KERNEL.findall(said.read_text(errors="replace")[-SAID_BYTES:])
        if not lacking or lacking[-1] == told:
            return
        told = lacking[-1]
        _stand_in(content, told)
        try:
            _interpreter(bytes(content))
        except RuntimeError:
            continue


def _stand_in(content: bytearray, name: str) -> None:
    """Make all operators of a name into others, in the file's own bytes."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    other = getattr(schema.BuiltinOperator, _STAND_IN)
    for code in map(model.OperatorCodes, range(model.OperatorCodesLength())):
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) != getattr(schema.BuiltinOperator, name, None):
            continue
        for field, kind in _CODE_FIELDS:
            table = code._tab  # noqa: SLF001 - there is no other way to write a field
            if offset := table.Offset(field):
                np.frombuffer(content, kind, 1, table.Pos + offset)[0] = other


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
