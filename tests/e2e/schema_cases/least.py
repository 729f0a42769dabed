"""The least spec that the schema takes, and changes of it."""

import copy
from typing import Any

Object = dict[str, Any]

# What a rule takes, what it refuses, and the words of the refusal, behind its name.
Rule = tuple[str, list[Object], list[Object], str]

LEAST: Object = {
    "model": {"handle": "https://tfhub.dev/google/model/1"},
    "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s3"}}},
}


def changed(path: str, value: object) -> Object:
    """The least spec with the field at a dotted path set."""
    spec = copy.deepcopy(LEAST)
    *parents, last = path.split(".")
    node = spec
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value
    return spec
