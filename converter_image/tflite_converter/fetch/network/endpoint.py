"""Whether the storage's endpoint may be used by an untrusted conversion."""

from tflite_api import urls
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.fetch.network import address_policy
from tflite_converter.storage.store import Refusal


def refusal(limits: FetchLimits) -> Refusal | None:
    """Return what says of an address why it must not be connected to; None where each may be."""
    return None if limits.allow_local_addresses else address_policy.refusal


def check(endpoint: str | None, field: str, limits: FetchLimits) -> None:
    """Refuse an endpoint that leads to this machine, its link or a cloud's metadata service.

    What is read from there is handed to the model, and would leave with the artifact. An endpoint whose name is not
    known is left to the client, which says so. Its name may mean another address a moment later: so the client asks
    `refusal` for each connection. This says it sooner, and where a proxy makes the connection.

    Args:
        endpoint: the address of the server; None for Amazon's.
        field: of the spec, which names the server.
        limits: whether such addresses are allowed.

    Raises:
        StepFailure: AddressRefused, with the address and why, or InvalidSpec where it is no address.
    """
    if endpoint is None:
        return
    if urls.split(endpoint) is None:
        raise StepFailure(
            Reason.INVALID_SPEC, f"{field} {endpoint} is no address", "write for example https://s3.example.com"
        )
    if limits.allow_local_addresses:
        return
    if (refused := address_policy.refused_meaning(endpoint)) is not None:
        words = f"{field} {endpoint} leads to {refused}: such addresses are not allowed"
        raise StepFailure(Reason.ADDRESS_REFUSED, words, OWN_CURE)
