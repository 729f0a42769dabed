"""Stands in for the process that runs a model, which takes seconds of both cores: hundreds of conversions are wanted.

Takes the place of tflite_converter/convert/child.py in the image of the chaos test: gets the same order, leaves the
same files, speaks the same protocol. Everything around it is the real thing.
"""

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.spec import Signature
from tflite_api.resource.status import ArtifactSignature, Tensor
from tflite_api.steps.step import ConvertedModel
from tflite_converter.artifact.flatbuffer import IDENTIFIER
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import ARTIFACT_FILE, CONVERTED_FILE, write_model, write_whole
from tflite_converter.worker.reporter import Report, reported

MODEL_FILE: Final = "saved_model.pb"
"""Holds JSON: how many `seconds` the conversion takes."""
KEY: Final = "serving_default"
"""The one signature that every model has."""
_BLOCKS: Final = 4096


def artifact(model: bytes, signature: Signature) -> bytes:
    """Return an artifact that depends only on the model and the pins of its signature."""
    asked = json.dumps(signature.to_object(), sort_keys=True).encode()
    block = hashlib.sha256(hashlib.sha256(model).digest() + asked).digest()
    return b"\x1c\0\0\0" + IDENTIFIER + block * _BLOCKS


def convert(order: ConversionOrder) -> None:
    """Do as ordered.

    Raises:
        StepFailure: SignatureNotFound.
    """
    model = (Path(order.model_dir) / MODEL_FILE).read_bytes()
    time.sleep(json.loads(model)["seconds"])
    if order.signature.key not in {None, KEY}:
        words = f"the model has no signature {order.signature.key}, but {KEY}"
        raise StepFailure(Reason.SIGNATURE_NOT_FOUND, words, OWN_CURE)
    made = artifact(model, order.signature)
    inputs = tuple(Tensor(name=pin.name, dtype="float32", shape=pin.shape) for pin in order.signature.inputs or ())
    report = ConvertedModel(
        sha256=hashlib.sha256(made).hexdigest(),
        verdict=Reason.REPORT_ONLY,
        message="made by a stand-in",
        signature=ArtifactSignature(key=KEY, inputs=inputs, outputs=()),
        tensorflow="none",
        strategy="StandIn",
    )
    write_whole(Path(order.output_dir) / ARTIFACT_FILE, made)
    write_model(Path(order.output_dir) / CONVERTED_FILE, report)


def main() -> int:
    """Do as ordered on stdin, and say so on the given file descriptor."""
    report = Report(int(sys.argv[1]))
    order = ConversionOrder.model_validate_json(sys.stdin.buffer.read())
    code = reported(lambda: convert(order), report)
    if code == 0:
        report.done(order.proof)
    return code


if __name__ == "__main__":
    sys.exit(main())
