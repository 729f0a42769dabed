"""Whether the storage's endpoint may be used by an untrusted conversion."""

from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.fetch.network.address_policy import refused_meaning


def check(endpoint: str | None, field: str, limits: FetchLimits) -> None:
    """Refuse an endpoint that leads to this machine, its link or a cloud's metadata service.

    What is read from there is handed to the model, and would leave with the artifact. An endpoint whose name is not
    known is left to the client, which says so. Its name may mean another address a moment later: that only a
    NetworkPolicy can prevent.

    Args:
        endpoint: the address of the server; None for Amazon's.
        field: of the spec, which names the server.
        limits: whether such addresses are allowed.

    Raises:
        StepFailure: AddressRefused, with the address and why.
    """
    if endpoint is None or limits.allow_local_addresses:
        return
    if (refused := refused_meaning(endpoint)) is not None:
        words = f"{field} {endpoint} leads to {refused}: such addresses are not allowed"
        raise StepFailure(Reason.ADDRESS_REFUSED, words, OWN_CURE)
