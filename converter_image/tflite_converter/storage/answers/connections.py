"""What an error of botocore's means for which there is no answer of a server. Pure."""

import re

from botocore.exceptions import BotoCoreError, CredentialRetrievalError

from tflite_api import urls
from tflite_converter.storage.checked_connections import RefusedAddressError
from tflite_converter.storage.obstacles import causes, obstacle
from tflite_converter.storage.store import Fault, Server, StoreError


def of_connection(error: BotoCoreError, server: Server) -> StoreError:
    """Return what an error means for which there is no answer of the server."""
    for cause in causes(error):
        if isinstance(cause, RefusedAddressError):
            words = f"{server.name} leads to {cause}: such addresses are not allowed"
            return StoreError(Fault.REFUSED_ADDRESS, words)
    if isinstance(error, CredentialRetrievalError):
        return _of_agent(error)
    found, name = obstacle(error), _name(error, server)
    if found is None:
        # Only the kind: the text of some of these errors quotes the request.
        return StoreError(Fault.UNAVAILABLE, f"{name} cannot be reached: {type(error).__name__}")
    is_one_of_many = found.fault is Fault.UNKNOWN_HOST and server.style == "Virtual"
    words = found.words + (", or none with a bucket in front of it" if is_one_of_many else "")
    return StoreError(found.fault, f"{name} {words}", hint=found.hint)


def _name(error: BotoCoreError, server: Server) -> str:
    """Return what could not be reached: the server, or the token service that is asked before it."""
    asked = urls.split(str(error.kwargs.get("endpoint_url", "")))
    if asked is None or not asked.hostname:
        return server.name
    known = urls.split(server.endpoint) if server.endpoint is not None else None
    # Where a bucket is named in the host, the server's own is behind it.
    is_server = f".{asked.netloc}".endswith(f".{known.netloc}") if known is not None else ".s3" in f".{asked.hostname}"
    return server.name if is_server else f"The token service at {asked.netloc}"


def _of_agent(error: CredentialRetrievalError) -> StoreError:
    """Return what it means that EKS's agent gives no credentials; what it says may hold anything, and is not told."""
    if (refused := re.search(r"non 200 response (4[0-9]{2})\b", str(error.kwargs.get("error_msg", "")))) is not None:
        return StoreError(Fault.LACKING_ROLE, f"The agent of EKS Pod Identity gives no credentials ({refused[1]})")
    return StoreError(Fault.UNAVAILABLE, "The agent of EKS Pod Identity does not answer")
