"""What trials came to, and which of them is taken: pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Granularity, KeepFloat, KeepInt8
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.status import Benchmark, MeasuredError, Trial, TrialMetric, TrialOutcome
from tflite_api.text import one_line
from tflite_converter.core import trial_words
from tflite_converter.core.failure import StepFailure

_MESSAGE: Final = 256
Family = tuple[QuantizationType, bool]
"""A type, and whether its weights have one scale a tensor."""


@dataclass(frozen=True)
class Candidate:
    """A quantization to try."""

    kind: QuantizationType
    kept: KeepFloat | None = None
    """What it leaves in floats."""
    eights: KeepInt8 | None = None
    """What it stores in 8 bits."""
    per_tensor: bool = False
    """Whether its weights have one scale a tensor, and not one a channel."""

    @property
    def name(self) -> str:
        """Name it for people."""
        return trial_words.named(self.kind, self.kept, self.eights, per_tensor=self.per_tensor)

    @property
    def granularity(self) -> Granularity | None:
        """What a spec says of its scales; None where that is the default."""
        return "PerTensor" if self.per_tensor else None

    @property
    def family(self) -> Family:
        """What it has in common with those that leave out other layers."""
        return self.kind, self.per_tensor

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it leaves out."""
        floats = self.kept.tensors if self.kept is not None else None
        return floats or (self.eights.tensors if self.eights is not None else ())

    @property
    def is_plain(self) -> bool:
        """Return whether it is a type as it is."""
        return self.kept is None and self.eights is None and not self.per_tensor


@dataclass(frozen=True)
class Made:
    """A trial that was made."""

    candidate: Candidate
    outcome: TrialOutcome
    size: int | None = None
    """Of its artifact, in bytes; None where there is none."""
    weights: int | None = None
    """How many values the model's weights are."""
    measured: MeasuredError | None = None
    failure: StepFailure | None = None
    doubt: tuple[Reason, str] | None = None
    """Why a measurement proved nothing, where it did not."""
    benchmark: Benchmark | None = None
    """What the artifact takes as it runs, where that is asked."""
    scale_bytes: int = 0
    """What its scales take beyond one for each tensor."""

    @property
    def snr(self) -> float | None:
        """The lowest SNR (dB), as a whole and on any distribution; None where it was not measured."""
        if self.measured is None:
            return None
        parts = (part.snr_decibels for part in self.measured.distributions or ())
        return min(map(float, (self.measured.snr_decibels, *parts)))

    def shown(self) -> Trial:
        """Return what the status says of it."""
        reason, message = self._words()
        metrics = [
            TrialMetric(name=one.name, artifact=one.artifact.value, drop=one.drop.value)
            for one in (self.measured.metrics or () if self.measured is not None else ())
        ]
        return Trial(
            type=self.candidate.kind,
            kept_layers=trial_words.count(self.candidate.kept, self.candidate.eights) or None,
            keep_float=self.candidate.kept,
            keep_int8=self.candidate.eights,
            granularity=self.candidate.granularity,
            size_bytes=self.size,
            snr_decibels=self.measured.snr_decibels if self.measured is not None else None,
            metrics=tuple(metrics) or None,
            latency_milliseconds=self.benchmark.p90_milliseconds if self.benchmark is not None else None,
            relative_latency=self.benchmark.relative_latency if self.benchmark is not None else None,
            outcome=self.outcome,
            reason=reason,
            message=message,
        )

    def _words(self) -> tuple[str | None, str | None]:
        if self.outcome in {"Missed", "OverBudget", "Failed"} and self.failure is not None:
            return self.failure.reason, one_line(self.failure.found, _MESSAGE)
        if self.doubt is not None:
            return self.doubt[0], one_line(self.doubt[1], _MESSAGE)
        return None, None


def _relative_latency(made: Made) -> float:
    measured = made.benchmark.relative_latency if made.benchmark is not None else None
    return float(measured) if measured is not None else math.inf


_PREFERENCES: Final[Mapping[str, Callable[[Made], float]]] = {
    "Size": lambda made: made.size or 0,
    # Against floats in the same run: between two trials the node may become slower or faster.
    "Latency": _relative_latency,
}
"""By objective what is to be small."""


def best(made: Iterable[Made], objective: str) -> Made | None:
    """Return what is taken of all that holds: of equals the one that was tried first. None where nothing holds."""
    held = [each for each in made if each.outcome == "Held"]
    return min(held, key=_PREFERENCES[objective], default=None)


def shown(made: Sequence[Made], chosen: Made | None) -> tuple[Trial, ...]:
    """Return what the status says of all trials, of which one may be chosen."""
    return tuple((replace(each, outcome="Chosen") if each is chosen else each).shown() for each in made)
