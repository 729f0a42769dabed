"""Specs that are refused with what to write, and that written."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import ValidationError

from tests.e2e.schema_cases.least import LEAST
from tflite_api.resource.spec import ConversionSpec
from tflite_api.schema import describe

Changes = Mapping[str, Any]
"""Of the least spec, by dotted paths; None takes a field away."""


@dataclass(frozen=True)
class Case:
    """What is refused, the words that say what to write, and that written."""

    words: str
    wrong: Changes
    right: tuple[Changes, ...]

    def __str__(self) -> str:
        return self.words[:60]


def case(words: str, wrong: Changes, *right: Changes) -> Case:
    return Case(words, wrong, right)


def spec(changes: Changes) -> dict[str, Any]:
    made = copy.deepcopy(LEAST)
    for path, value in changes.items():
        *parents, last = path.split(".")
        node = made
        for parent in parents:
            node = node.setdefault(parent, {})
        if value is None:
            node.pop(last, None)
        else:
            node[last] = value
    return made


def single(field: str, words: str, wrong: Any, *right: Any, **beside: Any) -> Case:
    """Return the case of a field that alone is wrong; beside it may stand others, `__` for a dot."""
    others = {path.replace("__", "."): value for path, value in beside.items()}
    return case(words, {**others, field: wrong}, *({**others, field: value} for value in right))


def follow(case: Case) -> None:
    """Have a spec refused, and write what the refusal says."""
    with pytest.raises(ValidationError) as caught:
        ConversionSpec.from_object(spec(case.wrong))
    assert case.words in describe(caught.value)
    assert case.right
    for right in case.right:
        ConversionSpec.from_object(spec(right))
