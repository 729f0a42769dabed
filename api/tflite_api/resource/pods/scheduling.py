"""Where the pods of a conversion may run, in the words of a pod's spec."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tflite_api.resource.pods.selectors import (
    LabelKey,
    Labels,
    LabelSelector,
    LabelValue,
    MatchLabelKeys,
    check_label_keys,
    requirement_size,
)
from tflite_api.schema import Integer, Schema

SPREAD_BYTES: Final = 4096
"""Of all topologySpreadConstraints, as JSON."""

NodeSelector = Labels


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


class TopologySpreadConstraint(Schema):
    """How evenly pods are spread over nodes, by the values of a label that the nodes have."""

    max_skew: Annotated[Integer, Field(ge=1, le=2**31 - 1)]
    topology_key: LabelKey
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    label_selector: LabelSelector | None = None
    min_domains: Annotated[Integer, Field(ge=1, le=2**31 - 1)] | None = None
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
    match_label_keys: MatchLabelKeys | None = None

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if self.min_domains is not None and self.when_unsatisfiable != "DoNotSchedule":
            raise ValueError("minDomains is for whenUnsatisfiable DoNotSchedule: leave it out")
        check_label_keys(self.label_selector, matchLabelKeys=self.match_label_keys)
        return self

    @property
    def size(self) -> int:
        """How much it takes as JSON, with something to spare."""
        named = requirement_size(self.topology_key, self.match_label_keys)
        return named + (self.label_selector.size if self.label_selector is not None else 0)


def _spread_once(constraints: tuple[TopologySpreadConstraint, ...]) -> tuple[TopologySpreadConstraint, ...]:
    if len({(one.topology_key, one.when_unsatisfiable) for one in constraints}) < len(constraints):
        raise ValueError("two constraints have the same topologyKey and whenUnsatisfiable: write one of them")
    found = sum(one.size for one in constraints)
    if found > SPREAD_BYTES:
        raise ValueError(
            f"the constraints must have at most {SPREAD_BYTES} bytes together (found {found}): ask for less"
        )
    return constraints


TopologySpread = Annotated[tuple[TopologySpreadConstraint, ...], Field(max_length=8), AfterValidator(_spread_once)]
