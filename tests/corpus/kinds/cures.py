"""The cure that a refusal names, as a change of the spec: it is followed, and has to work."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import FIXED, QuantizationType

_KEPT: Final = re.compile(r"keepFloat\.operations: (\[[A-Z0-9_, ]*\])")
_SHAPES: Final = re.compile(r"signature\.inputs: (\[.*\])")
_TYPE: Final = re.compile(r"se quantization\.type (\w+)")
_PINNED: Final = re.compile(r"at 1 in signature\.inputs, in the place of (\w+) at \d+")
_REACHED: Final = re.compile(r"set verification\.minSNRDecibels to (\d+), which it reaches")
_GATE: Final = "verification.minSNRDecibels asks for"


@dataclass(frozen=True)
class Cure:
    """What a message asks to be changed in the spec."""

    words: str
    """In a few words."""
    kind: QuantizationType
    """The quantization type after it."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    with_samples: bool = False
    """Whether it asks for samples to compare on."""


def named(reason: str, message: str, asked: QuantizationType, pin: Mapping[str, Any] | None) -> Cure | None:
    """Return the first cure that a refusal's message names; None where it is nothing that the spec can say.

    Args:
        reason: of the refusal.
        message: of the refusal.
        asked: the type that was refused.
        pin: `signature` of a spec with the shapes that fit, where a message asks for a shape without giving it.
    """
    return _of_shapes(message, asked, pin) or _of_types(message, asked) or _of_samples(reason, message, asked)


def _of_shapes(message: str, asked: QuantizationType, pin: Mapping[str, Any] | None) -> Cure | None:
    if shapes := _SHAPES.search(message):
        return Cure("pin shapes", asked, {"signature": {"inputs": yaml.safe_load(shapes[1])}})
    if pinned := _PINNED.search(message):
        return Cure(f"pin {pinned[1]} at 1", asked, {"signature": dict(pin or {})})
    if "pin that shape in signature.inputs" in message:
        return Cure("pin the shape", asked, {"signature": dict(pin or {})})
    return None


def _of_types(message: str, asked: QuantizationType) -> Cure | None:
    if kept := _KEPT.search(message):
        operations = yaml.safe_load(kept[1])
        quantization = {"keepFloat": {"operations": operations}}
        return Cure(f"keepFloat {', '.join(operations)}", QuantizationType.INT8, {"quantization": quantization})
    advised = [kind for kind in _TYPE.findall(message) if kind in set(FIXED) - {asked}]
    kind = QuantizationType(advised[0]) if advised else asked
    if "ops.selectTF: true" in message:
        return Cure(f"ops.selectTF and {kind}", kind, {"ops": {"selectTF": True}})
    return Cure(str(kind), kind) if advised else None


def _of_samples(reason: str, message: str, asked: QuantizationType) -> Cure | None:
    if reached := _REACHED.search(message):
        gate = int(reached[1])
        return Cure(f"minSNRDecibels {gate}", asked, {"verification": {"minSNRDecibels": gate}})
    if "ame inputs that it takes in verification.samples" in message:
        return Cure("verification.samples", asked, with_samples=True)
    says_so = any(words in message for words in ("Try another quantization.type", "a gentler quantization.type"))
    if says_so or (reason == Reason.VERIFICATION_FAILED and _GATE in message):
        # The reason's own cure, which the status adds to the message: a gentler type.
        gentler = QuantizationType.DYNAMIC_RANGE if asked.facts.is_calibrated else QuantizationType.NONE
        return Cure(str(gentler), gentler) if gentler is not asked else None
    return None
