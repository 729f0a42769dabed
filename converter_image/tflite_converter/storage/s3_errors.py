"""What the errors of an S3 server mean. Pure."""

import re
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from tflite_converter.storage.checked_connections import RefusedAddressError
from tflite_converter.storage.store import Fault, Location, Server, StoreError

_REFUSED: Final = frozenset(
    {
        *("AccessDenied", "AllAccessDisabled", "AuthorizationQueryParametersError", "ExpiredToken", "Forbidden"),
        *("InvalidAccessKeyId", "InvalidSecurity", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"),
        "UnauthorizedAccess",
        # of the token service, for a ServiceAccount
        *("ExpiredTokenException", "IDPRejectedClaim", "InvalidIdentityToken"),
        "XAdminUserNotFound",  # versitygw, with status 404, for an access key it does not know
    }
)
_OTHER_REGION: Final = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect"}
)
_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_OTHER_CONTENT: Final = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)
_LATER: Final = frozenset({"RequestTimeTooSkewed", "RequestTimeout", "SlowDown", "ServiceUnavailable", "Throttling"})


def meaning(code: str, status: int, at: Location, server: Server) -> StoreError:
    """Return what an answer of the storage means.

    Args:
        code: the error's code, as in https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; a HEAD has
            no body, so botocore puts the status there.
        status: the HTTP status.
        at: the place that was addressed.
        server: the server that answered.
    """
    fault = _fault(code, status)
    shown = re.sub(r"[^A-Za-z0-9.]", "", code)[:64]
    match fault:
        case Fault.NOT_IMPLEMENTED:
            found = f"The storage does not know what it is asked for ({shown})"
        case Fault.OTHER_REGION:
            found = f"Bucket {at.bucket} is not in {server.region} ({shown})"
        case Fault.NO_BUCKET:
            found = f"Bucket {at.bucket} does not exist"
        case Fault.NO_OBJECT:
            found = f"There is nothing at {at.uri}"
        case Fault.OTHER_CONTENT:
            found = f"{at.uri} changed while it was uploaded ({shown})"
        case Fault.CHANGED:
            found = f"{at.uri} changed since this conversion looked at it"
        case Fault.REFUSED:
            found = f"The storage refused the credentials for {at.uri} ({shown})"
        case _:
            found = f"The storage answered {shown} ({status}) for {at.uri}"
    return StoreError(fault, found, shown)


def of_answer(error: ClientError, at: Location, server: Server) -> StoreError:
    """Return what an error that the server answered with means."""
    return meaning(code_of(error), status_of(error), at, server)


def of_connection(error: BotoCoreError, server: Server) -> StoreError:
    """Return what an error means for which there is no answer of the server."""
    cause = error.kwargs.get("error")
    name = server.endpoint or "Amazon S3"
    if isinstance(cause, RefusedAddressError):
        return StoreError(Fault.REFUSED_ADDRESS, f"{name} leads to {cause}: such addresses are not allowed")
    # Only the kind: the text of some of these errors quotes the request.
    return StoreError(Fault.UNAVAILABLE, f"{name} cannot be reached: {type(error).__name__}")


def code_of(error: ClientError) -> str:
    """Return the code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an error; 0 where it has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _fault(code: str, status: int) -> Fault:
    rules = (
        (Fault.NOT_IMPLEMENTED, code == "NotImplemented" or status == 501),
        (Fault.OTHER_REGION, code in _OTHER_REGION or status in {301, 307}),
        (Fault.NO_BUCKET, code in {"NoSuchBucket", "InvalidBucketName"}),
        (Fault.NO_OBJECT, code == "NoSuchKey"),
        (Fault.OTHER_CONTENT, code in _OTHER_CONTENT),
        (Fault.CHANGED, code in _CHANGED or status == 412),
        (Fault.UNAVAILABLE, code in _LATER or status >= 500 or status in {408, 429}),
        (Fault.REFUSED, code in _REFUSED or status in {401, 403}),
    )
    return next((fault for fault, holds in rules if holds), Fault.UNKNOWN)
