"""The TFLiteConversion resource as data: spec, status, reasons and what a step reports. No I/O."""

__version__ = "0.1.0"
"""Of the whole project, as in pyproject.toml: what runs in an image is not installed there as a distribution."""
