"""A budget is a whole number of bytes, written as Kubernetes writes amounts."""

import pytest
from pydantic import ValidationError

from tflite_api.resource.budget import Budget


@pytest.mark.parametrize(
    ("written", "most"),
    [
        ("4Mi", 4 * 1024**2),
        ("4M", 4_000_000),
        ("1.5Ki", 1536),
        ("0.001Ki", 1),
        ("1.001Ki", 1025),
        ("512", 512),
        (4194304, 4 * 1024**2),
        ("999999999999Ti", 999_999_999_999 * 1024**4),
    ],
)
def test_a_budget_is_exact_to_the_byte(written: str | int, most: int) -> None:
    assert Budget.from_object({"maxSizeBytes": written}).most_bytes == most


@pytest.mark.parametrize(
    "written", ["much", "4MB", "4 Mi", "4mi", "500m", "1.5", "0", 0, "0.000Gi", "-1", -1, "", "1e6", "4Mi\n"]
)
def test_what_is_no_size_is_refused_with_an_example(written: str | int) -> None:
    with pytest.raises(ValidationError, match="at least one byte: write for example 512Ki, 4Mi or 4194304"):
        Budget.from_object({"maxSizeBytes": written})
