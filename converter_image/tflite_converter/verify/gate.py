"""What a measurement is worth: held against the gate, with what it was measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.status import Distribution, SampleSource
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.verify.measurement import Measurement
from tflite_converter.verify.metrics import Verdict, decibels

NAME_REAL_ONES: Final = (
    "Name inputs that the model is made for in verification.samples; where the error is no smaller on these, use a"
    " gentler quantization.type"
)


@dataclass(frozen=True)
class Circumstances:
    """What a comparison was made on."""

    source: SampleSource = "Generated"
    guessed: str = ""
    """What generated inputs were taken for, in words."""
    is_synthetic: bool = False
    """Whether the artifact was calibrated on generated inputs."""
    cut: Sequence[str] = ()
    """Why it was made on fewer samples than it was meant to be, in words."""


def judge(measured: Measurement, gate: int, seen: Circumstances) -> Verdict:
    """Hold a measurement against the gate (dB); 0 reports only.

    Raises:
        StepFailure: VerificationFailed with what was measured and asked; it carries the measurement.
    """
    name, accuracy = measured.judged.worst()
    words = f"SNR {decibels(accuracy.snr_decibels)} dB (output {name})"
    if gate == 0:
        return Verdict(Reason.REPORT_ONLY, f"{words}; minSNRDecibels is 0, so that no SNR is asked")
    least, output, distribution = measured.worst()
    if least < gate:
        raise _failed(measured, gate, seen, _found(words, accuracy.snr_decibels, least, output, distribution, gate))
    reached = f"{words}, {gate} dB asked{_ties(measured)}"
    if accuracy.snr_decibels < gate:
        return Verdict(Reason.INSENSITIVE, f"{reached}; {_vanishing(measured)}")
    if seen.is_synthetic and seen.source == "Generated":
        return Verdict(
            Reason.REAL_DATA_NOT_SEEN,
            f"{reached}, but it was calibrated and measured on generated inputs alone: name real ones in"
            " verification.samples",
        )
    return Verdict(Reason.SNR_SUFFICIENT, reached)


def _ties(measured: Measurement) -> str:
    """Say where places of the largest are others, and were left out."""
    ties, of = measured.ties, ", ".join(measured.choosing)
    said = (f"{name} is another in {len(numbers)}" for name, numbers in ties.items())
    return f"; by near ties of {of}, {', '.join(said)} of {measured.samples} samples" if ties else ""


def _found(words: str, whole: float, least: float, output: str, distribution: Distribution | None, gate: int) -> str:
    asked = f"verification.minSNRDecibels asks for {gate} dB"
    if distribution is None or whole < gate:
        return f"{words}, but {asked}"
    return f"{words}, but {decibels(least)} dB on {distribution} inputs alone (output {output}), and {asked} on each"


def _failed(measured: Measurement, gate: int, seen: Circumstances, found: str) -> StepFailure:
    below = sum(one < gate for one in measured.by_sample)
    said = [found]
    if measured.samples > 1:
        said.append(f"{below} of {measured.samples} samples are below it")
    if measured.choosing and below < measured.samples:
        names = ", ".join(measured.choosing)
        said.append(f"it has {names}, where a near tie that falls the other way costs as much as a wrong artifact")
    if seen.guessed:
        said.append(seen.guessed)
    said += seen.cut
    return StepFailure(
        Reason.VERIFICATION_FAILED,
        "; ".join(said),
        NAME_REAL_ONES if seen.guessed else OWN_CURE,
        verification=measured.summary(seen.source),
    )


def _vanishing(measured: Measurement) -> str:
    names = ", ".join(measured.vanishing())
    return (
        f"{names} is vanishingly small against what its operator can give, and was measured against that, so an"
        " artifact that gives 0 would compare as well: name inputs that it responds to in verification.samples"
    )
