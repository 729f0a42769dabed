"""Whose a conversion is, as the objects that it writes to a bucket say."""

from tflite_api.resource.destination import S3Destination
from tflite_api.resource.recipe import recipe_hash
from tflite_api.steps.step import StepRequest
from tflite_converter.storage.object_metadata import Identity, Owner


def identity(request: StepRequest, where: S3Destination) -> Identity:
    """Return who converts what to where."""
    page = where.report_page.uri if request.spec.report else None
    owner = Owner(request.cluster, request.owner)
    recipe, metrics = recipe_hash(request.spec), tuple(request.spec.metrics)
    return Identity(where.uri, owner, recipe, page, _adopted(request, where), metrics)


def _adopted(request: StepRequest, where: S3Destination) -> Owner | None:
    """Return whose objects the spec takes over."""
    wanted = where.adopt_from
    if wanted is None:
        return None
    namespace, _, name = request.owner.partition("/")
    return Owner(wanted.cluster_id, f"{wanted.namespace or namespace}/{wanted.name or name}")
