"""Running a .tflite with LiteRT, by the names of its signature.

Not with tf.lite.Interpreter: the XNNPACK bundled with it computes some convolutions with a stride larger than their
kernel wrong.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tflite_api.reasons import Reason
from tflite_converter.failure import StepFailure, one_line
from tflite_converter.samples import Sample
from tflite_converter.verification import Array


def run(artifact: Path, key: str, samples: Iterable[Sample]) -> Iterator[dict[str, Array]]:
    """Give the outputs for each sample, starting afresh each time: some artifacts keep state between calls.

    Raises:
        StepFailure: VerificationFailed where LiteRT cannot run the artifact, with its words.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - takes long

    shapes = "none yet"
    try:
        interpreter = Interpreter(model_path=str(artifact), num_threads=len(os.sched_getaffinity(0)))
        runner = interpreter.get_signature_runner(key)
        for sample in samples:
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in sample.items())
            interpreter.reset_all_variables()
            # The runner gives views of memory that the next call overwrites.
            yield {name: np.array(value) for name, value in runner(**sample).items()}
    except (RuntimeError, ValueError) as error:
        raise StepFailure(
            Reason.VERIFICATION_FAILED,
            f"LiteRT cannot run the artifact (inputs {shapes}): {one_line(str(error), 400)}",
        ) from error
