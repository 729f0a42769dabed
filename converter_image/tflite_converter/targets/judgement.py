"""Whether an artifact is what its targets take, and what to say where it is not."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final

from tflite_api.field_types import quantity
from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import CALIBRATED, WITH_INTEGER_IO
from tflite_api.resource.status import OperatorElsewhere, TargetFit
from tflite_api.resource.targets import Bound, Target, TargetName, missed
from tflite_converter.core.failure import IN_MESSAGE, Cure, StepFailure
from tflite_converter.core.units import bytes_in_words
from tflite_converter.targets.examination import Examination

_SHOWN: Final = 3
_BETWEEN_TYPES: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})
_SHARE: Final = Decimal("0.001")


def hold(asked: Sequence[Target], found: Sequence[Examination], quantization: Quantization) -> None:
    """Make sure that an artifact is what its targets take.

    Args:
        asked: by the spec.
        found: on each.
        quantization: what the artifact was made with.

    Raises:
        StepFailure: TargetUnmet with what was found, of the first that is not met, and what helps.
    """
    for number, (target, examined) in enumerate(zip(asked, found, strict=True)):
        told = _problem(target, examined, quantization)
        if told is not None:
            words, cure = told
            fits = tuple(each.fit for each in found)
            raise StepFailure(Reason.TARGET_UNMET, f"targets[{number}]: {words}", cure, targets=fits)


def _problem(asked: Target, examined: Examination, quantization: Quantization) -> tuple[str, Cure] | None:
    """Return what is wrong and what helps; None where all holds."""
    fit = examined.fit
    if examined.misses is not None:
        # What a tool says of the rest follows from it.
        return examined.misses, IN_MESSAGE
    for bound in missed(asked, fit):
        match bound:
            case "name":
                return _not_taken(asked, fit, quantization)
            case "maxSRAMBytes":
                return _too_large(bound, fit.sram_bytes, asked.max_sram_bytes, "Vela needs {} of SRAM")
            case "maxArenaBytes":
                return _too_large(bound, fit.arena_bytes, asked.max_arena_bytes, "tflite-micro needs an arena of {}")
            case _:
                return _too_few(bound, asked, fit, quantization)
    return None


def _not_taken(asked: Target, fit: TargetFit, quantization: Quantization) -> tuple[str, str]:
    if asked.name is TargetName.MICROCONTROLLER:
        words = f"tflite-micro does not run {fit.operators - fit.on_target} of {fit.operators} operators"
        return f"{words}: {_listed(fit)}", "Change the model so that it does without them, or leave out Microcontroller"
    named = f"{asked.name} ({asked.config})" if asked.config else asked.name
    words = f"nothing of the artifact runs on {named}, neither {_listed(fit)}"
    if asked.name is TargetName.ETHOS_U and quantization.type not in CALIBRATED:
        return words, f"set quantization.type {' or '.join(CALIBRATED)}, for it computes with integers"
    if any("ynamic" in (operator.why or "") for operator in fit.elsewhere or ()):
        return words, "pin the sizes of inputs in signature.inputs"
    return words, f"Change the model, or leave out {asked.name}"


def _too_few(bound: Bound, asked: Target, fit: TargetFit, quantization: Quantization) -> tuple[str, str]:
    wanted = asked.min_npu_operators if bound == "minNPUOperators" else asked.min_gpu_operators
    share = (Decimal(fit.on_target) / fit.operators).quantize(_SHARE, ROUND_DOWN)
    words = (
        f"{fit.on_target} of {fit.operators} operators run on {asked.name} ({share}), and {bound} asks for"
        f" {wanted}; elsewhere run {_listed(fit)}"
    )
    lower = f"lower {bound} to {share}"
    types = {operator.name for operator in fit.elsewhere or ()}
    if types & _BETWEEN_TYPES and quantization.type in WITH_INTEGER_IO and quantization.io == "Float32":
        without = " and ".join(sorted(types & _BETWEEN_TYPES))
        return words, f"set quantization.io: Int8, which does without {without}, or {lower}"
    return words, lower


def _too_large(bound: Bound, found: int | None, most: str | int | None, words: str) -> tuple[str, str]:
    if found is None:
        return words.format("what it does not say"), f"leave out {bound}"
    allowed = int(quantity(most or 0))
    told = words.format(f"{found} bytes ({bytes_in_words(found)})")
    return (
        f"{told}, and {bound} allows {allowed} ({bytes_in_words(allowed)})",
        f"use a smaller model, or raise {bound} to {found}",
    )


def _listed(fit: TargetFit) -> str:
    operators = fit.elsewhere or ()
    shown = [_operator(operator) for operator in operators[:_SHOWN]]
    more = fit.operators - fit.on_target - sum(operator.count for operator in operators[:_SHOWN])
    return ", ".join([*shown, *([f"and {more} more"] if more > 0 else [])]) or "any operator"


def _operator(operator: OperatorElsewhere) -> str:
    times = f"{operator.count} " if operator.count > 1 else ""
    return f"{times}{operator.name}" + (f" ({operator.why})" if operator.why else "")
