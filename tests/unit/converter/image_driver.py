"""What the converter's image has to be able to do, done in this process: `python -m ... MODELS SCRATCH`.

Run by a Python that has what the image has (test_image.py). Prints JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import boto3

from tests.unit import every_import
from tests.unit.converter.signing import attestations, signing_keys
from tests.unit.converter.storage.servers.s3_server import BUCKET, Bucket, serving_s3
from tflite_api.resource.quantization_types import FIXED, QuantizationType
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import FetchedDatasets
from tflite_converter.convert import finish
from tflite_converter.convert.child import convert_model
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.core import hub_cache
from tflite_converter.model.running import runtime, tfhub
from tflite_converter.signing import attest, verify
from tflite_converter.storage import s3_client
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.store import Server

HANDLE = "https://nowhere.invalid/google/model/1"
PACKAGES = Path(finish.__file__).parents[2]


def conversion(kind: QuantizationType, model: Path, scratch: Path) -> str:
    """Convert a model and measure the artifact; return the verdict."""
    for name in ("output", "scratch"):
        (scratch / name).mkdir(parents=True)
    calibration = {"calibration": {"synthetic": True}} if kind.facts.is_calibrated else {}
    asked = {
        "model": {"handle": HANDLE},
        "quantization": {"type": kind, **calibration},
        "verification": {"minSNRDecibels": 0},
        "destination": {"s3": {"bucket": BUCKET, "key": "model.tflite", "secretRef": {"name": "s3"}}},
    }
    order = ConversionOrder.of(
        ConversionSpec.from_object(asked),
        model_dir=str(model),
        output_dir=str(scratch / "output"),
        scratch_dir=str(scratch / "scratch"),
        datasets=FetchedDatasets(),
    )
    return str(finish.measure(convert_model(order, lambda _: None)).verdict)


def attestation(scratch: Path) -> str:
    """Sign a statement and check it; return whose it is."""
    made = attest.make(
        attestations.request(),
        attestations.PREPARED,
        attest.Known(attestations.SHA256, attestations.BYPRODUCTS),
        attestations.environment(),
    )
    files = {
        "artifact": attestations.ARTIFACT,
        "attestation": made.content,
        "key": signing_keys.public(signing_keys.P256),
    }
    for name, content in files.items():
        (scratch / name).write_bytes(content)
    verify.check(scratch / "artifact", scratch / "attestation", scratch / "key")
    return "valid"


def listed() -> str:
    """Return what a bucket says is in it. The client of tokens, which buy other credentials, is only made."""
    with serving_s3(Bucket({"model.tflite": (b"TFL3", {})})) as bucket:
        client = s3_client.connect(Server(bucket.endpoint, "eu-west-1"), Nobody())
        boto3.Session().client("sts", region_name="eu-west-1")
        [found] = client.list_objects_v2(Bucket=BUCKET, Prefix="m", MaxKeys=2)["Contents"]
        return found["Key"]


def hub(scratch: Path) -> bool:
    """Return whether tensorflow_hub resolves a handle."""
    folder = hub_cache.folder_of(HANDLE, scratch)
    folder.mkdir()
    (folder / "saved_model.pb").touch()
    return tfhub.resolve(HANDLE, scratch) == folder


def main() -> None:
    """Do all of it."""
    models, scratch = map(Path, sys.argv[1:3])
    runtime.load_tensorflow()
    done: dict[str, Any] = {kind: conversion(kind, models / "convolutional", scratch / kind) for kind in FIXED}
    # It needs Keras 2, and finds no Keras 3 and no HDF5.
    done["Keras 2"] = conversion(QuantizationType.NONE, models / "trained_by_keras_2", scratch / "keras")
    done["hub"] = hub(scratch)
    done["listed"] = listed()
    done["attestation"] = attestation(scratch)
    done["missing"] = every_import.missing(PACKAGES / "tflite_converter")
    print(json.dumps(done))


if __name__ == "__main__":
    main()
