"""The devices that an artifact is for: what a spec asks of each, and whether what was found there holds it."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tflite_api.field_types import quantity
from tflite_api.resource.budget import Size
from tflite_api.resource.status import TargetFit
from tflite_api.schema import Boolean, Schema, matching

MOST_TARGETS: Final = 3
SHARE_OF_ONE_PATTERN: Final = r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$"


class TargetName(StrEnum):
    """The values of targets[].name."""

    ETHOS_U = "EthosU"
    MICROCONTROLLER = "Microcontroller"
    GPU = "GPU"


OF_ONE_SIGNATURE: Final = (TargetName.ETHOS_U, TargetName.MICROCONTROLLER)
"""Those whose tools look at one signature of a file: Vela counts the operators of one alone, and tflite-micro runs the
first."""

EthosUConfig = Literal[
    "ethos-u55-32",
    "ethos-u55-64",
    "ethos-u55-128",
    "ethos-u55-256",
    "ethos-u65-256",
    "ethos-u65-512",
    "ethos-u85-128",
    "ethos-u85-256",
    "ethos-u85-512",
    "ethos-u85-1024",
    "ethos-u85-2048",
]
"""What `vela --accelerator-config` takes; a test holds that."""

ShareOfOne = Annotated[
    str,
    StringConstraints(max_length=32),
    matching(SHARE_OF_ONE_PATTERN, 'must be a share from 0 to 1 as text: write for example "0.9"'),
]

Bound = Literal["name", "minNPUOperators", "maxSRAMBytes", "maxArenaBytes", "minGPUOperators"]
"""A field that asks something of a target; its name alone asks that the target takes the artifact at all."""

_FIELDS_OF: Final[dict[TargetName, tuple[str, ...]]] = {
    TargetName.ETHOS_U: ("config", "min_npu_operators", "max_sram_bytes", "publish_compiled"),
    TargetName.MICROCONTROLLER: ("max_arena_bytes",),
    TargetName.GPU: ("min_gpu_operators",),
}


class Target(Schema):
    """A device, and what is asked of the artifact there."""

    name: TargetName
    config: EthosUConfig | None = None
    min_npu_operators: Annotated[ShareOfOne | None, Field(alias="minNPUOperators")] = None
    max_sram_bytes: Annotated[Size | None, Field(alias="maxSRAMBytes")] = None
    publish_compiled: Boolean | None = None
    max_arena_bytes: Size | None = None
    min_gpu_operators: Annotated[ShareOfOne | None, Field(alias="minGPUOperators")] = None

    @model_validator(mode="before")
    @classmethod
    def _fit_the_name(cls, given: object) -> object:
        # Before values are looked at: those that another device would take are no cure.
        if not isinstance(given, dict) or given.get("name") not in list(TargetName):
            return given
        for name, fields in _FIELDS_OF.items():
            aliases = [cls.model_fields[field].alias for field in fields]
            foreign = [alias for alias in aliases if alias is not None and given.get(alias) is not None]
            if foreign and name != given["name"]:
                raise ValueError(f"{foreign[0]} is for {name}: leave it out")
        return given

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        if self.name is TargetName.ETHOS_U and self.config is None:
            raise ValueError("EthosU comes in several sizes: write for example config: ethos-u55-128")
        return self

    @property
    def compiles(self) -> bool:
        """Return whether what its compiler makes of the artifact is published in the artifact's place."""
        return bool(self.publish_compiled)


def hold_names(targets: Sequence[Target]) -> None:
    """Make sure that each target is named once.

    Raises:
        ValueError: one comes twice.
    """
    if len({target.name for target in targets}) != len(targets):
        raise ValueError("targets names a target twice: write each once")


def recipe_of(targets: Sequence[Target]) -> list[dict[str, object]]:
    """Return what targets ask for, the same however it is written."""
    sizes = {"maxSRAMBytes", "maxArenaBytes"}
    return [
        {
            name: int(quantity(value)) if name in sizes else value
            for name, value in target.to_object().items()
            if value is not False
        }
        for target in sorted(targets, key=lambda target: target.name)
    ]


def missed(asked: Target, found: TargetFit) -> tuple[Bound, ...]:
    """Return the fields of a target that do not hold, by the very figures that are shown."""
    share = Decimal(found.on_target) / found.operators if found.operators else Decimal(0)
    whole = asked.name is TargetName.MICROCONTROLLER
    bounds: dict[Bound, bool] = {
        "name": found.on_target < found.operators if whole else found.on_target == 0,
        "minNPUOperators": asked.min_npu_operators is not None and share < Decimal(asked.min_npu_operators),
        "maxSRAMBytes": _is_above(found.sram_bytes, asked.max_sram_bytes),
        "maxArenaBytes": _is_above(found.arena_bytes, asked.max_arena_bytes),
        "minGPUOperators": asked.min_gpu_operators is not None and share < Decimal(asked.min_gpu_operators),
    }
    return tuple(name for name, is_missed in bounds.items() if is_missed)


def _is_above(found: int | None, most: str | int | None) -> bool:
    return most is not None and (found is None or found > int(quantity(most)))


def problem_of(asked: Sequence[Target], shown: Sequence[TargetFit]) -> str | None:
    """Return what is wrong with an untrusted account of an artifact on all targets; None where it holds what was asked.

    Args:
        asked: by the spec.
        shown: in the same order.
    """
    if len(shown) != len(asked):
        return f"shows {len(shown)} targets of the {len(asked)} asked for"
    for number, (target, found) in enumerate(zip(asked, shown, strict=True)):
        if (found.name, found.config, bool(found.compiled)) != (target.name, target.config, target.compiles):
            return f"shows another target than targets[{number}] asks for"
        if found.on_target > found.operators:
            return f"shows more operators on {found.name} than there are"
        if fields := missed(target, found):
            return f"calls {found.name} met, but does not hold {', '.join(fields)}"
    return None


def in_words(found: TargetFit) -> str:
    """Return what runs on a target as a person reads it, without what the tool says of each operator."""
    named = f"{found.name} ({found.config})" if found.config else found.name
    parts = [f"{named}: {found.on_target} of {found.operators} operators"]
    if found.elsewhere:
        left = ", ".join(f"{operator.count} {operator.name}" for operator in found.elsewhere)
        parts.append(f"elsewhere {left}{' and others' if found.truncated else ''}")
    figures = (
        (found.sram_bytes, "bytes of SRAM"),
        (found.cycles, "cycles"),
        (found.arena_bytes, "bytes of arena"),
        (found.snr_decibels, "dB against LiteRT"),
    )
    parts += [f"{figure} {words}" for figure, words in figures if figure is not None]
    if found.compiled:
        parts.append("compiled for it")
    return "; ".join(parts)
