"""Amounts of memory and data in words."""

from typing import Final

_UNITS: Final = ("Ki", "Mi", "Gi", "Ti")


def bytes_in_words(count: int) -> str:
    """Return an amount for people, rounded: `512 B`, `1.3 MiB`."""
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in _UNITS:
        amount /= 1024
        if amount < 1024 or unit == _UNITS[-1]:
            return f"{amount:.1f} {unit}B"
    raise AssertionError("unreachable")


def quantity_in_words(count: int) -> str:
    """Return an amount exactly as a Kubernetes quantity of the largest whole unit: `512Mi`."""
    unit, amount = "", count
    for larger in _UNITS:
        if amount % 1024 or amount == 0:
            break
        amount, unit = amount // 1024, larger
    return f"{amount}{unit}"
