"""What is looked at for a target, and what is found; what all of them share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.status import OperatorElsewhere, TargetFit
from tflite_api.resource.targets import Target
from tflite_api.text import one_line
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Sample
from tflite_converter.targets.tool_process import Tool, ToolEnd

_SHOWN_OPERATORS: Final = 8
_NAME: Final = 64
_WHY: Final = 120


@dataclass(frozen=True)
class Subject:
    """A verified artifact."""

    artifact: Path
    key: str
    """Of its main signature."""
    samples: Sequence[Sample]
    """To run it on."""
    compares: bool
    """Whether what it computes can be compared."""
    min_snr_decibels: int
    """How near to LiteRT another interpreter must come; 0 where that is only measured."""
    scratch: Path


@dataclass(frozen=True)
class Examination:
    """What was found on a target."""

    fit: TargetFit
    compiled: Path | None = None
    """What the target's compiler made of the artifact."""
    misses: str | None = None
    """What is wrong beside the bounds of the spec, in words."""


def operators(content: bytes) -> Counter[str]:
    """Count the operators of a file by name, in all its graphs."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    return Counter(name for name, _, _ in flatbuffer.operators(model, flatbuffer.operator_names(model)))


def elsewhere(found: Mapping[str, int], why: Mapping[str, str]) -> tuple[tuple[OperatorElsewhere, ...] | None, bool]:
    """Return the operators that do not run on a target, the most frequent first, and whether some are left out.

    Args:
        found: how many there are by name.
        why: what the target's tool says of some.
    """
    frequent_first = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    shown = tuple(
        OperatorElsewhere(
            name=one_line(name, _NAME), count=count, why=one_line(why[name], _WHY) if name in why else None
        )
        for name, count in frequent_first[:_SHOWN_OPERATORS]
    )
    return shown or None, len(frequent_first) > _SHOWN_OPERATORS


def tool_failed(asked: Target, tool: Tool, end: ToolEnd, cure: str) -> StepFailure:
    """Return the failure of a target whose tool does not take the artifact."""
    of = f" ({asked.config})" if asked.config else ""
    words = f"targets: {asked.name}{of} does not take the artifact: {tool.called} {tool.version} {end.words}"
    return StepFailure(Reason.TARGET_UNMET, words, cure)
