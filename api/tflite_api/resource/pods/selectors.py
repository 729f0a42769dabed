"""Keys and values of labels, and what selects by them, as in a pod's spec."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.schema import Schema, matching

LABEL_KEY_PATTERN: Final = (
    r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
)
LABEL_VALUE_PATTERN: Final = r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$"
_PREFIX_CHARACTERS: Final = 253
_PART_BYTES: Final = 64
"""Of a condition or an entry, as JSON, beside its key and values: names of fields, and what stands between."""
_VALUE_BYTES: Final = 3
"""Of a value beside its text: quotes and a comma."""


def _short_prefix(key: str) -> str:
    if key.find("/") > _PREFIX_CHARACTERS:
        raise ValueError(f"must have at most {_PREFIX_CHARACTERS} characters before the slash")
    return key


LabelKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=317),
    matching(LABEL_KEY_PATTERN, "must be the key of a label: write for example kubernetes.io/arch"),
    AfterValidator(_short_prefix),
]
LabelValue = Annotated[
    str,
    StringConstraints(max_length=63),
    matching(LABEL_VALUE_PATTERN, "must be the value of a label: write for example amd64"),
]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=16)]


class LabelRequirement(Schema):
    """What a label must be."""

    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: Annotated[tuple[LabelValue, ...], Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _have_values_where_they_are_compared(self) -> Self:
        if (self.operator in {"In", "NotIn"}) != bool(self.values):
            raise ValueError("the operators In and NotIn need values, Exists and DoesNotExist take none")
        return self


class LabelSelector(Schema):
    """Which objects are meant, by their labels: those that fulfil everything here, so an empty one means all."""

    match_labels: Labels | None = None
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(max_length=16)] | None = None

    @property
    def keys(self) -> set[str]:
        """The labels that it asks for."""
        return {*(self.match_labels or {}), *(one.key for one in self.match_expressions or ())}

    @property
    def size(self) -> int:
        """How much it takes as JSON, with something to spare."""
        return entries_size(self.match_labels or {}) + sum(
            requirement_size(one.key, one.values) for one in self.match_expressions or ()
        )


def requirement_size(key: str, values: Iterable[str] | None) -> int:
    """Return how many bytes a requirement takes as JSON, with some to spare; the CRD's rules count the same."""
    return len(key) + _PART_BYTES + sum(len(value) + _VALUE_BYTES for value in values or ())


def entries_size(entries: Mapping[str, str]) -> int:
    """Return the same of labels."""
    return sum(len(key) + _PART_BYTES + len(value) for key, value in entries.items())


MatchLabelKeys = Annotated[tuple[LabelKey, ...], Field(max_length=8)]
"""Keys of labels whose values the pod's own are."""


def check_label_keys(selector: LabelSelector | None, **named: tuple[str, ...] | None) -> None:
    """Make sure that labels whose values are the pod's own are beside a selector, and that it does not name them too.

    Raises:
        ValueError: the API server would refuse the pod.
    """
    for field, keys in named.items():
        if keys and selector is None:
            raise ValueError(f"{field} needs labelSelector")
        if selector is not None and not selector.keys.isdisjoint(keys or ()):
            raise ValueError(f"{field} names a key of labelSelector: write it in one of them")
