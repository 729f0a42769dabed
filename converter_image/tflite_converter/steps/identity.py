"""Whose a conversion is, as the objects that it writes to a bucket say."""

from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import S3Destination
from tflite_api.steps.step import StepRequest
from tflite_converter.storage.object_metadata import Identity


def identity(request: StepRequest, where: S3Destination) -> Identity:
    """Return who converts what to where."""
    page = where.report_page.uri if request.spec.report else None
    return Identity(where.uri, request.owner, recipe_hash(request.spec), page)
