"""What the child is told of a spec."""

from pathlib import Path

import pytest

from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import FetchedDatasets
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.core import hub_cache

HANDLE = "https://example.com/google/model/1"
CACHED = hub_cache.folder_of(HANDLE, Path("/model/unpacked"))


@pytest.mark.parametrize(
    ("model", "folder", "resolved"),
    [
        ({"handle": HANDLE}, CACHED, HANDLE),
        ({"handle": f"{HANDLE}0"}, CACHED, None),
        ({"handle": "gs://models/model/1"}, Path("/model/unpacked"), None),
        ({"archive": {"url": HANDLE}}, CACHED, None),
    ],
)
def test_tensorflow_hub_resolves_what_lies_in_its_cache(
    model: dict[str, object], folder: Path, resolved: str | None
) -> None:
    spec = ConversionSpec.from_object(
        {"model": model, "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}}}
    )
    order = ConversionOrder.of(
        spec, model_dir=str(folder), output_dir="/output", scratch_dir="/tmp", datasets=FetchedDatasets()
    )
    assert (order.model_dir, order.hub_handle) == (str(folder), resolved)
