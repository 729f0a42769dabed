"""The identity of what a spec asks for."""

import hashlib
import json
from decimal import Decimal
from typing import Any

from tflite_api.resource import targets
from tflite_api.resource.budget import Budget
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.spec import ConversionSpec
from tflite_api.sources.model_source import SOURCES

_FORMAT = "recipe.v1"
_SHAPING = ("model", "signature", "quantization", "ops", "metadata")
_NOT_SHAPING = {"secretRef", "addressingStyle", "caConfigMapRef"}
"""Of where a model comes from: who may read it, and how that is asked for, are no part of what it is."""


def recipe_hash(spec: ConversionSpec) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of everything in a spec that shapes the artifact.

    Where the artifact goes and what the Job may use are no part of it, so that the same recipe is recognised in any
    bucket. Of the model its content counts: where sha256 pins that, it does not matter where the model comes from. The
    gate is part of it, and so are the samples, the budget and the targets: an artifact that passed a lower gate, on
    other samples, within another budget or on another device is no answer. The converter's version is not: an upgrade
    must not convert everything again. Each variant has the recipe of the conversion that it is.
    """
    if spec.variants:
        return _digest({"variants": {name: recipe_hash(one) for name, one in spec.by_variant.items()}})
    return _digest(_parts(spec))


def _parts(spec: ConversionSpec) -> dict[str, Any]:
    """Return what shapes one artifact."""
    wanted = spec.to_object()
    parts: dict[str, Any] = {name: wanted[name] for name in _SHAPING if name in wanted}
    parts["minSNRDecibels"] = spec.min_snr_decibels
    if "samples" in wanted.get("verification", {}):
        parts["verificationSamples"] = wanted["verification"]["samples"]
    if "metrics" in wanted.get("verification", {}):
        parts["verificationMetrics"] = wanted["verification"]["metrics"]
    parts |= _budget(spec.budget)
    if spec.targets:
        parts["targets"] = targets.recipe_of(spec.targets)
    if "signature" in parts and "inputs" in parts["signature"]:
        parts["signature"]["inputs"].sort(key=lambda pin: pin["name"])
    for kept in ("keepFloat", "keepInt8"):
        for names in parts["quantization"].get(kept, {}).values():
            names.sort()
    if (asked := spec.quantization).type is QuantizationType.AUTO:
        # What is tried, and in which order, is the same whether the spec or a default says so.
        parts["quantization"]["auto"] = asked.search.to_object() | {"candidates": list(asked.candidates)}
    if not spec.quantization.is_per_tensor:
        # What is said in so many words and what is left out are the same.
        parts["quantization"].pop("granularity", None)
    parts["model"] = _model(parts["model"])
    return parts


def _digest(parts: dict[str, Any]) -> str:
    canonical = json.dumps([_FORMAT, parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _budget(budget: Budget | None) -> dict[str, Any]:
    """Return what a budget asks for, each amount by its value."""
    if budget is None:
        return {}
    threads = budget.thread_count if budget.is_timed else None
    parts: dict[str, Any] = {"maxSizeBytes": budget.most_bytes, "threads": threads}
    parts |= {name: str(Decimal(most).normalize()) for name, most in budget.running_limits.items()}
    return {name: part for name, part in parts.items() if part is not None}


def _model(source: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies a model: its pin, else where it comes from."""
    shaping = {name: value for name, value in source.items() if name not in SOURCES or "sha256" not in source}
    for name in SOURCES:
        if isinstance(address := shaping.get(name), dict):
            shaping[name] = {part: value for part, value in address.items() if part not in _NOT_SHAPING}
    if "tags" in shaping:
        shaping["tags"] = sorted(shaping["tags"])
    return shaping
