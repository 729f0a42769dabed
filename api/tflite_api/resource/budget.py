"""What an artifact may cost on the device that it is for."""

import re
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from tflite_api.field_types import TextOrInteger, quantity
from tflite_api.resource.status import Benchmark
from tflite_api.schema import Boolean, Integer, Schema

_SIZE: Final = re.compile(r"[0-9]{1,12}((\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti))?")
_AMOUNT: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
MOST_THREADS: Final = 256


def _is_size(value: str | int) -> str | int:
    if not _SIZE.fullmatch(str(value)) or quantity(value) == 0:
        raise ValueError("must be a size of at least one byte: write for example 512Ki, 4Mi or 4194304")
    return value


def _is_amount(text: str) -> str:
    if not _AMOUNT.fullmatch(text) or Decimal(text) == 0:
        raise ValueError(
            'must be a decimal number above zero as text, with at most three places: write for example "12.5"'
        )
    return text


Size = Annotated[TextOrInteger, AfterValidator(_is_size)]
Amount = Annotated[str, AfterValidator(_is_amount)]


class Budget(Schema):
    """What the artifact may take; more is not published."""

    max_size_bytes: Size | None = None
    max_latency_milliseconds: Amount | None = None
    max_relative_latency: Amount | None = None
    threads: Annotated[Integer, Field(ge=1, le=MOST_THREADS)] | None = None
    max_arena_bytes: Size | None = None

    @model_validator(mode="after")
    def _name_something(self) -> Self:
        if not any(getattr(self, name) is not None for name in type(self).model_fields):
            names = [field.alias or name for name, field in type(self).model_fields.items()]
            raise ValueError(f"names nothing: set {', '.join(names[:-1])} or {names[-1]}")
        return self

    @property
    def most_bytes(self) -> int | None:
        """The largest number of bytes that holds maxSizeBytes; None where the file may have any size."""
        return None if self.max_size_bytes is None else int(quantity(self.max_size_bytes))

    @property
    def most_arena_bytes(self) -> int | None:
        """The largest number of bytes that holds maxArenaBytes; None where the arena may have any size."""
        return None if self.max_arena_bytes is None else int(quantity(self.max_arena_bytes))

    @property
    def is_timed(self) -> bool:
        """Return whether latency is measured for it."""
        asked = (self.max_latency_milliseconds, self.max_relative_latency, self.threads)
        return any(one is not None for one in asked)

    @property
    def thread_count(self) -> int:
        """How many threads an inference may use where it is timed."""
        return self.threads or 1

    @property
    def running_limits(self) -> dict[str, str]:
        """What is asked of the artifact as it runs, by the names of the fields."""
        given = {
            "maxLatencyMilliseconds": self.max_latency_milliseconds,
            "maxRelativeLatency": self.max_relative_latency,
            "maxArenaBytes": self.most_arena_bytes,
        }
        return {name: str(most) for name, most in given.items() if most is not None}


class Benchmarking(Schema):
    """What is measured of an artifact as it runs; the memory of its tensors always is."""

    threads: Integer | None = None
    """How many an inference may use where it is timed; None where it is not."""
    beside_floats: Boolean = False
    """Whether the same model in floats is timed in turns with it."""

    @classmethod
    def of(cls, budget: Budget | None, *, prefers_fast: bool) -> Self | None:
        """Return what a budget asks for, and a search for what is fastest; None where neither asks for anything."""
        if prefers_fast or (budget is not None and budget.is_timed):
            beside_floats = prefers_fast or (budget is not None and budget.max_relative_latency is not None)
            return cls(threads=budget.thread_count if budget is not None else 1, beside_floats=beside_floats)
        return cls() if budget is not None and budget.max_arena_bytes is not None else None


def exceeded(budget: Budget, measured: Benchmark) -> list[tuple[str, str, str]]:
    """Return the fields of a budget that a benchmark does not hold, with what was found and what is allowed.

    What counts are the very figures that are shown; what is not shown is not held.
    """
    figures = {
        "maxLatencyMilliseconds": measured.p90_milliseconds,
        "maxRelativeLatency": measured.relative_latency,
        "maxArenaBytes": measured.arena_bytes,
    }
    found = (
        (name, str(figures[name]) if figures[name] is not None else "inf", most)
        for name, most in budget.running_limits.items()
    )
    return [(name, figure, most) for name, figure, most in found if Decimal(figure) > Decimal(most)]


def least(figure: str) -> str:
    """Return the least amount that a budget can allow, and that a measured one keeps within."""
    return f"{Decimal(figure).quantize(Decimal('0.001'), ROUND_CEILING).normalize():f}"


def problem_of(budget: Budget | None, wanted: Benchmarking | None, measured: Benchmark | None) -> str | None:
    """Return what is wrong with a benchmark that is said to keep within a budget; None where it does.

    Args:
        budget: what the artifact may take.
        wanted: what was to be measured.
        measured: what is said to have been found.
    """
    limits = budget.running_limits if budget is not None else {}
    if wanted is None:
        return None if measured is None else "shows a benchmark that nobody asked for"
    if measured is None:
        # What cannot run here is told apart from what was left out by the gates alone: these need a benchmark.
        return f"shows no benchmark for budget.{', '.join(limits)}" if limits else None
    if wanted.threads is not None and measured.threads != wanted.threads:
        return f"shows no latency with {wanted.threads} threads"
    if budget is not None and (over := exceeded(budget, measured)):
        return f"does not hold budget.{', '.join(name for name, _, _ in over)}"
    return None
