"""Near what the pods of a conversion run, and away from what, in the words of a pod's spec."""

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.field_types import ObjectName
from tflite_api.resource.pods.selectors import (
    LabelKey,
    LabelSelector,
    LabelValue,
    MatchLabelKeys,
    check_label_keys,
    requirement_size,
)
from tflite_api.schema import Integer, Schema, matching

TERMS_BYTES: Final = 4096
"""Of the terms of one list, as JSON: there are six such lists, and each is part of every Job."""
NAMESPACE_PATTERN: Final = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"

_Weight = Annotated[Integer, Field(ge=1, le=100)]
_Namespace = Annotated[
    str,
    StringConstraints(min_length=1, max_length=63),
    matching(NAMESPACE_PATTERN, "must be the name of a namespace: lower-case letters, digits and hyphens"),
]


class NodeRequirement(Schema):
    """What a label of the node must be."""

    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: Annotated[tuple[LabelValue, ...], Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _have_the_values_that_the_operator_takes(self) -> Self:
        if (self.operator in {"Exists", "DoesNotExist"}) == bool(self.values):
            raise ValueError("the operators Exists and DoesNotExist take no values, the others need them")
        if self.operator in {"Gt", "Lt"} and not re.fullmatch(r"[0-9]{1,18}", ",".join(self.values or ())):
            raise ValueError("the operators Gt and Lt take one value, which is a number")
        return self


class NodeFieldRequirement(Schema):
    """Which node is meant, by its name."""

    key: Literal["metadata.name"]
    operator: Literal["In", "NotIn"]
    values: Annotated[tuple[ObjectName, ...], Field(min_length=1, max_length=1)]


class NodeSelectorTerm(Schema):
    """Everything in it must hold of the node."""

    match_expressions: Annotated[tuple[NodeRequirement, ...], Field(max_length=16)] | None = None
    match_fields: Annotated[tuple[NodeFieldRequirement, ...], Field(max_length=8)] | None = None

    @model_validator(mode="after")
    def _mean_a_node(self) -> Self:
        if not self.match_expressions and not self.match_fields:
            raise ValueError("a term without matchExpressions and matchFields means no node: fill it, or leave it out")
        return self

    @property
    def size(self) -> int:
        """How much it takes as JSON, with something to spare."""
        labels = sum(requirement_size(one.key, one.values) for one in self.match_expressions or ())
        return labels + sum(requirement_size(one.key, one.values) for one in self.match_fields or ())


class NodeSelectorTerms(Schema):
    """At least one of its terms must hold."""

    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(min_length=1, max_length=8)]

    @model_validator(mode="after")
    def _be_short(self) -> Self:
        _hold_size(term.size for term in self.node_selector_terms)
        return self


class PreferredNodes(Schema):
    """Nodes that are better than others."""

    weight: _Weight
    preference: NodeSelectorTerm


def _hold_size(sizes: Iterable[int]) -> None:
    found = sum(sizes)
    if found > TERMS_BYTES:
        raise ValueError(f"the terms must have at most {TERMS_BYTES} bytes together (found {found}): ask for less")


def _short_preferences(preferred: tuple[PreferredNodes, ...]) -> tuple[PreferredNodes, ...]:
    _hold_size(one.preference.size for one in preferred)
    return preferred


class NodeAffinity(Schema):
    """On which nodes the pods run."""

    required_during_scheduling_ignored_during_execution: NodeSelectorTerms | None = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredNodes, ...], Field(max_length=8), AfterValidator(_short_preferences)] | None
    ) = None


class PodAffinityTerm(Schema):
    """Pods, and how near: on nodes with the same value of the label topologyKey."""

    topology_key: LabelKey
    label_selector: LabelSelector | None = None
    namespaces: Annotated[tuple[_Namespace, ...], Field(max_length=16)] | None = None
    namespace_selector: LabelSelector | None = None
    match_label_keys: MatchLabelKeys | None = None
    mismatch_label_keys: MatchLabelKeys | None = None

    @model_validator(mode="after")
    def _name_each_label_once(self) -> Self:
        given = {"matchLabelKeys": self.match_label_keys, "mismatchLabelKeys": self.mismatch_label_keys}
        check_label_keys(self.label_selector, **given)
        if not {*(self.match_label_keys or ())}.isdisjoint(self.mismatch_label_keys or ()):
            raise ValueError("matchLabelKeys and mismatchLabelKeys name the same key: write it in one of them")
        return self

    @property
    def size(self) -> int:
        """How much it takes as JSON, with something to spare."""
        keys = (*(self.match_label_keys or ()), *(self.mismatch_label_keys or ()))
        selectors = (one for one in (self.label_selector, self.namespace_selector) if one is not None)
        named = requirement_size(self.topology_key, (*(self.namespaces or ()), *keys))
        return named + sum(one.size for one in selectors)


class PreferredPods(Schema):
    """Pods to be near to, or away from, rather than not."""

    weight: _Weight
    pod_affinity_term: PodAffinityTerm


def _short_terms(terms: tuple[PodAffinityTerm, ...]) -> tuple[PodAffinityTerm, ...]:
    _hold_size(one.size for one in terms)
    return terms


def _short_wishes(preferred: tuple[PreferredPods, ...]) -> tuple[PreferredPods, ...]:
    _hold_size(one.pod_affinity_term.size for one in preferred)
    return preferred


class PodAffinity(Schema):
    """Near, or away from, which pods the pods run."""

    required_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PodAffinityTerm, ...], Field(max_length=8), AfterValidator(_short_terms)] | None
    ) = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredPods, ...], Field(max_length=8), AfterValidator(_short_wishes)] | None
    ) = None


class Affinity(Schema):
    """Near what pods run, and away from what."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None
