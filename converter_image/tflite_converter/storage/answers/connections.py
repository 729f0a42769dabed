"""What an error means for which there is no answer of an S3 server. Pure."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from botocore.exceptions import BotoCoreError
from urllib3.util.ssl_match_hostname import CertificateError

from tflite_converter.storage.checked_connections import RefusedAddressError
from tflite_converter.storage.store import Fault, Server, StoreError

_NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""Others, such as EAI_AGAIN, say that nobody could be asked."""
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
"""Of OpenSSL's X509_V_ERR_*: no issuer, or one that signed itself (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/)."""
_OTHER_NAME: Final = "has a certificate for another name"
_CERTIFICATES: Final = {
    9: "has a certificate that is not valid yet",
    10: "has a certificate that has expired",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
_PLAIN_ANSWERS: Final = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons where a server that was asked with TLS answers in plain HTTP."""
_CAUSES: Final = 10


def of_connection(error: BotoCoreError, server: Server) -> StoreError:
    """Return what an error means for which there is no answer of the server."""
    for cause in _causes(error):
        if (meant := _of_cause(cause, server)) is not None:
            return meant
    # Only the kind: the text of some of these errors quotes the request.
    return StoreError(Fault.UNAVAILABLE, f"{server.name} cannot be reached: {type(error).__name__}")


def _of_cause(cause: BaseException, server: Server) -> StoreError | None:
    meant = None
    match cause:
        case RefusedAddressError():
            words = f"{server.name} leads to {cause}: such addresses are not allowed"
            meant = StoreError(Fault.REFUSED_ADDRESS, words)
        case socket.gaierror() if cause.errno in _NO_SUCH_NAME:
            where = ", or none with a bucket in front of it" if server.style == "Virtual" else ""
            meant = StoreError(Fault.UNKNOWN_HOST, f"{server.name} has a host name that does not exist{where}")
        case CertificateError():
            meant = StoreError(Fault.BAD_CERTIFICATE, f"{server.name} {_OTHER_NAME}")
        case ssl.SSLCertVerificationError():
            meant = _of_certificate(cause, server)
        case ssl.SSLError() if _reason(cause) in _PLAIN_ANSWERS:
            meant = StoreError(Fault.OTHER_SCHEME, f"{server.name} does not speak TLS there", hint="http")
        case ssl.SSLError() if _reason(cause):
            words = f"{server.name} cannot be reached: no TLS connection comes about ({_reason(cause)})"
            meant = StoreError(Fault.UNAVAILABLE, words)
    return meant


def _of_certificate(error: ssl.SSLCertVerificationError, server: Server) -> StoreError:
    code = error.verify_code
    if code in _UNKNOWN_AUTHORITY:
        return StoreError(Fault.UNKNOWN_AUTHORITY, f"{server.name} has a certificate of an unknown authority")
    words = _CERTIFICATES.get(code, f"has no valid certificate ({error.verify_message})")
    return StoreError(Fault.BAD_CERTIFICATE, f"{server.name} {words}")


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's name for what went wrong; an error of Python's own has none."""
    return str(getattr(error, "reason", None) or "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return an error and what it was raised from, botocore's and urllib3's ways of keeping it included."""
    found: BaseException | None = error
    for _ in range(_CAUSES):
        if found is None:
            return
        yield found
        kept = getattr(found, "kwargs", {}).get("error") or getattr(found, "reason", None)
        first = next((one for one in found.args if isinstance(one, BaseException)), None)
        found = kept if isinstance(kept, BaseException) else found.__cause__ or first or found.__context__
