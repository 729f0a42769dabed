"""Where the pods of a conversion may run, in the words of a pod's spec."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tflite_api.schema import Integer, Schema, matching

LABEL_KEY_PATTERN: Final = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE_PATTERN: Final = r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$"

LabelKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=317),
    matching(LABEL_KEY_PATTERN, "must be the key of a label: write for example kubernetes.io/arch"),
]
LabelValue = Annotated[
    str,
    StringConstraints(max_length=63),
    matching(LABEL_VALUE_PATTERN, "must be the value of a label: write for example amd64"),
]
NodeSelector = Annotated[dict[LabelKey, LabelValue], Field(max_length=16)]


class Toleration(Schema):
    """A taint that the pods tolerate, as in a pod's spec."""

    key: LabelKey | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Annotated[Integer, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if self.key is None and self.operator != "Exists":
            raise ValueError("without a key the operator must be Exists")
        if self.operator == "Exists" and self.value:
            raise ValueError("the operator Exists takes no value: leave it out")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("tolerationSeconds is for the effect NoExecute: leave it out")
        return self
