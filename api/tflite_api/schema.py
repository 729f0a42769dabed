"""The base of every model here: frozen, camelCase, and as picky as the API server."""

import json
import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, StrictInt, ValidationError, model_validator
from pydantic.alias_generators import to_camel

# Not `strict` as a whole: a strict tuple refuses the lists of JSON once a validator has seen them.
Integer = StrictInt
Boolean = StrictBool


def matching(pattern: str, message: str) -> AfterValidator:
    """Return a validator that a text matches a pattern as a whole; its error says what the text must be."""
    compiled = re.compile(pattern.removesuffix("$") + r"\Z")

    def check(text: str) -> str:
        if not compiled.match(text):
            raise ValueError(message)
        return text

    return AfterValidator(check)


class Schema(BaseModel):
    """A frozen model whose JSON has camelCase names and no field that is not declared."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        # A process validates two or three kinds of all that it imports, and each holds others that need no more.
        defer_build=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _take_null_for_absent(cls, given: object) -> object:
        """Drop nulls, as the API server does for a field that is not nullable (measured on Kubernetes 1.35)."""
        if not isinstance(given, dict) or None not in given.values():
            return given
        declared = {field.alias or name for name, field in cls.model_fields.items()}
        return {name: value for name, value in given.items() if value is not None or name not in declared}

    @classmethod
    def from_object(cls, given: Mapping[str, Any]) -> Self:
        """Validate an object as the API server's JSON gives it.

        Raises:
            ValidationError: with one line a problem; `describe` makes it readable.
        """
        return cls.model_validate(given)

    def to_object(self) -> dict[str, Any]:
        """Return the JSON object, without the fields that are absent."""
        dumped: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped


def describe(error: ValidationError, root: str = "") -> str:
    """Return what is wrong with an object, a line for each problem: field, what was found, what to write."""
    lines = []
    problems = error.errors(include_url=False, include_context=False)
    for problem in problems:
        if problem["type"] == "too_short" and any(_is_within(other["loc"], problem["loc"]) for other in problems):
            # What does not fit was left out before the rest was counted.
            continue
        path = root
        for part in problem["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
        found = problem["input"]
        message = _words(problem["type"], problem["msg"], found)
        shown = "" if isinstance(found, dict | list) else f" (found {json.dumps(found, default=str)[:120]})"
        lines.append(f"{path.lstrip('.') or 'the resource'}: {message}{shown}")
    return "; ".join(lines)


_COUNT = re.compile(r"^\w+ should have (at (?:least|most) \d+ items?) after validation, not (\d+)$")
"""What pydantic says of lists, in the words of Python."""


def _words(kind: str, message: str, found: object) -> str:
    if kind == "string_type" and isinstance(found, int | float):
        # What YAML takes for a number or a truth, such as 12 or yes.
        return f'must be text: write it in quotes, as in "{json.dumps(found)}"'
    if kind == "extra_forbidden":
        return "there is no such field: correct its name, or leave it out"
    if (count := _COUNT.match(message)) is not None:
        return f"must have {count[1]}, and has {count[2]}"
    return message.removeprefix("Value error, ")


def _is_within(place: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other
