"""Every kind of source is fetched by somebody."""

from tflite_api.sources.model_source import SOURCES
from tflite_converter.fetch import model


def test_every_source_has_its_fetcher() -> None:
    assert set(model._FETCHERS) == set(SOURCES.values())
