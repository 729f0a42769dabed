"""Tells the requests for conversions apart."""

from tests.apiserver.audit import Request
from tests.apiserver.proxy import Asked

_NAMES_ALONE = 500
"""The page size of a list of names."""


def of_conversions(asked: Asked) -> bool:
    """Return whether it lists or watches conversions."""
    return asked.is_of("tfliteconversions")


def lists_names(request: Request) -> bool:
    """Return whether it lists the conversions' names."""
    return request.kind == "list tfliteconversions" and request.limit == _NAMES_ALONE


def lists_all(request: Request) -> bool:
    """Return whether kopf lists the conversions."""
    return request.kind == "list tfliteconversions" and 1 < request.limit < _NAMES_ALONE
