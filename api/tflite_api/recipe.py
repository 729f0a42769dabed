"""The identity of what a spec asks for."""

import hashlib
import json
from typing import Any

from tflite_api.spec import ConversionSpec

_FORMAT = "recipe.v1"
_SHAPING = ("model", "signature", "quantization", "ops", "metadata")


def recipe_hash(spec: ConversionSpec) -> str:
    """Give the SHA-256 (64 hexadecimal digits) of everything in a spec that shapes the artifact.

    Where the artifact goes and what the Job may use are no part of it, so that the same recipe is recognised in any
    bucket. The gate is, and so are the samples: an artifact that passed a lower gate, or on other samples, is no
    answer. The converter's version is not: an upgrade must not convert everything anew.
    """
    wanted = spec.to_object()
    parts: dict[str, Any] = {name: wanted[name] for name in _SHAPING if name in wanted}
    parts["minSNRDecibels"] = spec.min_snr_decibels
    if "samples" in wanted.get("verification", {}):
        parts["verificationSamples"] = wanted["verification"]["samples"]
    if "signature" in parts and "inputs" in parts["signature"]:
        parts["signature"]["inputs"].sort(key=lambda pin: pin["name"])
    for names in parts["quantization"].get("keepFloat", {}).values():
        names.sort()
    if "tags" in parts["model"]:
        parts["model"]["tags"].sort()
    canonical = json.dumps([_FORMAT, parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
