"""What passes from the process that converts to the one that measures for the report page."""

from tflite_api.schema import Schema
from tflite_api.steps.report import TypeSize


class ReportMaterial(Schema):
    """What the converting process leaves for the report."""

    model_sizes: tuple[TypeSize, ...]
    float_file: str | None = None
    """The model in floats; with ranges of its activations if the type is Int8."""
    float_problem: str | None = None
    """Why there is none."""
