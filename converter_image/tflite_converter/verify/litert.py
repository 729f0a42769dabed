"""Running a .tflite with LiteRT, by the names of its signature, on the model's own real numbers.

Not with tf.lite.Interpreter: the XNNPACK bundled with it computes some convolutions with a stride larger than their
kernel wrong.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.text import one_line
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Sample, SignatureFacts, TensorFacts
from tflite_converter.verify.kernels import CannotRun
from tflite_converter.verify.metrics import Verdict


def runtime() -> str:
    """Return the runtime's name and version."""
    return f"LiteRT {metadata.version('ai-edge-litert')}"


def runtime_with_delegate() -> str:
    """Return the same with what computes in it, unless something else is asked for."""
    return f"{runtime()} with XNNPACK"


def run(artifact: Path, key: str, samples: Iterable[Sample]) -> Iterator[dict[str, Array]]:
    """Return the outputs for each sample, starting afresh each time: some artifacts keep state between calls.

    Where the artifact's own inputs and outputs are quantized, samples are quantized and outputs dequantized.

    Raises:
        CannotRun: LiteRT cannot run the artifact.
    """
    return run_in_turn(artifact, ((key, sample) for sample in samples))


def run_in_turn(
    artifact: Path, calls: Iterable[tuple[str, Sample]], *, by_reference_kernels: bool = False
) -> Iterator[dict[str, Array]]:
    """Yield the outputs for each key and sample, as `run` does.

    What LSTM operators keep is forgotten between calls; what the model itself assigns is not, and all signatures share
    it.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415 - takes long

    shapes = "none yet"
    runners: dict[str, Any] = {}
    kernels = OpResolverType.BUILTIN_REF if by_reference_kernels else OpResolverType.AUTO
    threads = len(os.sched_getaffinity(0))
    try:
        interpreter = Interpreter(model_path=str(artifact), num_threads=threads, experimental_op_resolver_type=kernels)
        # Variables can be reset only once they have memory.
        interpreter.allocate_tensors()
        for key, sample in calls:
            runner = runners.get(key) or runners.setdefault(key, interpreter.get_signature_runner(key))
            inputs, outputs = runner.get_input_details(), runner.get_output_details()
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in sample.items())
            interpreter.reset_all_variables()
            given = {name: quantized(value, inputs[name]) for name, value in sample.items()}
            # The runner gives views of memory that the next call overwrites.
            yield {name: dequantized(np.array(value), outputs[name]) for name, value in runner(**given).items()}
    except (RuntimeError, ValueError) as error:
        raise CannotRun(str(error), shapes) from error


def inconclusive(facts: ArtifactFacts) -> Verdict | None:
    """Return why what an artifact computes cannot be compared with anything; None if it can."""
    if facts.random:
        names = ", ".join(facts.random)
        return Verdict(Reason.NON_DETERMINISTIC, f"The model draws random numbers: its artifact uses {names}")
    if facts.select_tf:
        names = ", ".join(facts.select_tf)
        return Verdict(Reason.SELECT_TF, f"Only a device with the Flex delegate can run the artifact: it uses {names}")
    return None


def signatures(artifact: Path) -> dict[str, SignatureFacts]:
    """Return an artifact's signatures by key as `run` takes and gives them: real numbers where its own are quantized.

    Raises:
        StepFailure: VerificationFailed where LiteRT cannot read the artifact, with its words.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - takes long

    try:
        interpreter = Interpreter(model_path=str(artifact))
        return {key: _signature(key, interpreter.get_signature_runner(key)) for key in interpreter.get_signature_list()}
    except (RuntimeError, ValueError) as error:
        words = f"LiteRT cannot read {artifact.name}: {one_line(str(error), 400)}"
        raise StepFailure(Reason.VERIFICATION_FAILED, words, "Name a file that it can read") from error


def details(artifact: Path, key: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what LiteRT says of a signature's inputs and of its outputs, by name.

    Raises:
        CannotRun: LiteRT cannot run the artifact.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - takes long

    try:
        runner = Interpreter(model_path=str(artifact)).get_signature_runner(key)
        return runner.get_input_details(), runner.get_output_details()
    except (RuntimeError, ValueError) as error:
        raise CannotRun(str(error), "none yet") from error


def _signature(key: str, runner: Any) -> SignatureFacts:  # noqa: ANN401 - LiteRT has no types
    sides = (runner.get_input_details(), runner.get_output_details())
    inputs, outputs = (tuple(_tensor(name, each) for name, each in sorted(details.items())) for details in sides)
    return SignatureFacts(key, inputs, outputs)


def _tensor(name: str, details: Mapping[str, Any]) -> TensorFacts:
    kind = np.dtype(details["dtype"])
    dtype = "float32" if kind.kind in "iu" and details["quantization"][0] != 0 else kind.name
    return TensorFacts(name, dtype, tuple(int(size) for size in details["shape_signature"]))


def as_taken(artifact: Path, key: str, sample: Sample) -> dict[str, Array]:
    """Return a sample as the inputs of an artifact's signature take it."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - takes long

    details = Interpreter(model_path=str(artifact)).get_signature_runner(key).get_input_details()
    return {name: quantized(value, details[name]) for name, value in sample.items()}


def quantized(values: Array, details: Mapping[str, Any]) -> Array:
    """Return real values as an input of the artifact takes them: untouched where it is not quantized.

    Args:
        values: real or whole numbers.
        details: what LiteRT says of the input: dtype, and quantization as (scale, zero point), scale 0 for none.
    """
    scale, zero_point = details["quantization"]
    kind = np.dtype(details["dtype"])
    if scale == 0 or kind.kind not in "iu" or values.dtype.kind in "iu":
        return values
    limits = np.iinfo(kind)
    return np.asarray(np.clip(np.round(values / scale + zero_point), limits.min, limits.max).astype(kind))


def dequantized(values: Array, details: Mapping[str, Any]) -> Array:
    """Return what an output of the artifact means in real numbers (float32), where it is quantized."""
    scale, zero_point = details["quantization"]
    if scale == 0 or values.dtype.kind not in "iu":
        return values
    return np.asarray((values.astype(np.float64) - zero_point) * scale, dtype=np.float32)
