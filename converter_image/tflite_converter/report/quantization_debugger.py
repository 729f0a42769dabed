"""The process that runs TensorFlow's quantization debugger on an Int8 artifact, and makes the file of the trial.

By itself, since it needs TensorFlow again, whose Interpreter may crash on what it is given: the artifact is made and
measured by then, and is not to be lost with it.
Started as `python -m tflite_converter.report.quantization_debugger ORDER`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from tflite_api.resource.quantization import KeepFloat
from tflite_api.text import one_line
from tflite_converter.artifact import inventory, layer_names, more_outputs
from tflite_converter.core.tensors import Array, Sample
from tflite_converter.model.running import runtime
from tflite_converter.report.layer_errors import LayerPowers, suspects
from tflite_converter.verify import reference

_ORDER_FILE: Final = "debugger.json"
_LAYERS_FILE: Final = "layers.json"
_LOG_FILE: Final = "debugger.log"
_LAST_WORDS: Final = 4096
_TRIAL_FILE: Final = "trial.tflite"
_SAMPLES: Final = 32
_VERIFY: Final = "NumericVerify"
"""The operator that the converter puts behind each layer for the debugger; it reads the layer's integers and floats."""


class DebuggerOrder(BaseModel):
    """What to look at."""

    model_config = ConfigDict(frozen=True)

    calibrated: Path
    """The float file with the ranges of its activations."""
    reference_dir: Path
    scratch_dir: Path
    kept: KeepFloat
    """What is in floats already."""
    per_tensor: bool = False
    """Whether weights have one scale, and not one a channel."""


class DebuggedLayers(BaseModel):
    """What came of it; figures may be infinite or NaN."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    samples: int
    layers: tuple[LayerPowers, ...]
    tried: tuple[str, ...] = ()
    """The layers that the trial's file has in floats beside `kept`."""
    trial: Path | None = None


class DebuggerError(Exception):
    """It gave no figures; the message says in one line why."""


def debug(order: DebuggerOrder) -> DebuggedLayers:
    """Run the debugger in a process of its own.

    Raises:
        DebuggerError: with its last words.
    """
    path = order.scratch_dir / _ORDER_FILE
    path.write_text(order.model_dump_json())
    command = [sys.executable, "-P", "-m", "tflite_converter.report.quantization_debugger", str(path)]
    with (order.scratch_dir / _LOG_FILE).open("w+b") as log:
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        log.seek(max(log.seek(0, os.SEEK_END) - _LAST_WORDS, 0))
        words = log.read().decode(errors="replace")
    if done.returncode != 0:
        lines = [line for line in words.splitlines() if line.strip()] or ["no words"]
        raise DebuggerError(one_line(f"it ended with {done.returncode}: {lines[-1]}", 300))
    return DebuggedLayers.model_validate_json((order.scratch_dir / _LAYERS_FILE).read_bytes())


def _signal(expected: Array, _: Array, __: float, ___: int) -> float:
    return float(np.sum(np.square(expected.astype(np.float64))))


def _noise(expected: Array, found: Array, scale: float, zero_point: int) -> float:
    real = (found.astype(np.float64) - zero_point) * float(scale)
    return float(np.sum(np.square(expected.astype(np.float64) - real)))


def _layers(content: bytes, samples: Sequence[Sample]) -> list[LayerPowers]:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    content = more_outputs.with_outputs(content, 0, inventory.operands(content, 0, _VERIFY))
    debugger: Any = tf.lite.experimental.QuantizationDebugger(quant_debug_model_content=content)
    # Left to itself it has LiteRT keep every tensor, what each convolution lays out its input in included: more by far
    # than the layers, which are outputs here. In either case no delegate may compute them.
    interpreter = debugger._quant_interpreter = tf.lite.Interpreter(  # noqa: SLF001 - there is no other way
        model_content=content,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    debugger._initialize_stats()  # noqa: SLF001 - see above
    debugger.options.layer_direct_compare_metrics = {"signal": _signal, "noise": _noise}
    key = next(iter(interpreter.get_signature_list()))
    inputs = interpreter.get_signature_runner(key).get_input_details()
    names = {details["index"]: name for name, details in inputs.items()}
    order = [names[details["index"]] for details in interpreter.get_input_details()]
    debugger._data_gen = lambda: ([sample[name] for name in order] for sample in samples)  # noqa: SLF001 - see above
    debugger.run()
    return [_powers(debugger, name, metrics) for name, metrics in debugger.layer_statistics.items()]


def _powers(debugger: Any, verified: str, metrics: Any) -> LayerPowers:  # noqa: ANN401 - TensorFlow has no types
    """Read one layer's figures; they are means over the samples."""
    interpreter = debugger._quant_interpreter  # noqa: SLF001 - as its own layer_statistics_dump does
    name, _ = debugger._get_operand_name_and_index(verified)  # noqa: SLF001 - see above
    index = debugger._numeric_verify_op_details[verified]["inputs"][0]  # noqa: SLF001 - see above
    operator = interpreter._get_op_details(debugger._defining_op[index])["op_name"]  # noqa: SLF001 - see above
    scale = interpreter._get_tensor_details(index, subgraph_index=0)["quantization_parameters"]["scales"][0]  # noqa: SLF001
    return LayerPowers(
        name, operator, float(scale), float(metrics["signal"]), float(metrics["noise"]), int(metrics["num_elements"])
    )


def _quantized(calibrated: bytes, order: DebuggerOrder, more: Sequence[str] = (), *, verify: bool = False) -> bytes:
    from tensorflow.lite.python.convert import mlir_quantize  # noqa: PLC0415 - takes seconds

    content: bytes = mlir_quantize(
        calibrated,
        disable_per_channel=order.per_tensor,
        disable_per_channel_for_dense_layers=order.per_tensor,
        enable_numeric_verify=verify,
        denylisted_ops=set(order.kept.operations or ()),
        denylisted_nodes={*layer_names.full(order.kept.tensors or (), calibrated)[0], *more},
    )
    return content


def powers(calibrated: bytes, order: DebuggerOrder) -> tuple[int, list[LayerPowers]]:
    """Run the debugger in this process; return on how many samples, and what it found of each layer."""
    all_samples = reference.load(order.reference_dir).samples
    # The debugger shapes its inputs once.
    shapes = {name: value.shape for name, value in all_samples[0].items()}
    alike = [sample for sample in all_samples if {name: value.shape for name, value in sample.items()} == shapes]
    samples = alike[:_SAMPLES]
    return len(samples), _layers(_quantized(calibrated, order, verify=True), samples)


def main() -> int:
    """Do as ordered; whatever goes wrong ends in a traceback, whose last line is told."""
    runtime.load_tensorflow()
    order = DebuggerOrder.model_validate_json(Path(sys.argv[1]).read_bytes())
    calibrated = order.calibrated.read_bytes()
    samples, layers = powers(calibrated, order)
    tried = suspects(layers)
    trial = order.scratch_dir / _TRIAL_FILE
    if tried:
        trial.write_bytes(_quantized(calibrated, order, tried))
    found = DebuggedLayers(samples=samples, layers=tuple(layers), tried=tried, trial=trial if tried else None)
    (order.scratch_dir / _LAYERS_FILE).write_text(found.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
