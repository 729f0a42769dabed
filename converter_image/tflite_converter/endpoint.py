"""Whether the storage's endpoint is a place that a stranger's conversion may lead to."""

from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_api.step import FetchLimits
from tflite_converter.failure import StepFailure
from tflite_converter.network_address import refused_meaning


def check(where: S3Destination, limits: FetchLimits) -> None:
    """Refuse an endpoint that leads to this machine, its link or a cloud's metadata service.

    What is read from there is handed to the model, and would leave with the artifact. An endpoint whose name is not
    known is left to the client, which says so. Its name may mean another address a moment later: that only a
    NetworkPolicy can prevent.

    Raises:
        StepFailure: AddressRefused, with the address and why.
    """
    if where.endpoint is None or limits.allow_local_addresses:
        return
    if (refused := refused_meaning(where.endpoint)) is not None:
        words = f"destination.s3.endpoint {where.endpoint} leads to {refused}: such addresses are not allowed"
        raise StepFailure(Reason.ADDRESS_REFUSED, words)
