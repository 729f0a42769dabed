"""What keeps a connection to a server from coming about, whichever client says so. Pure."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from urllib3.exceptions import ProxyError
from urllib3.util.ssl_match_hostname import CertificateError

from tflite_converter.storage.store import Fault

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


@dataclass(frozen=True)
class Obstacle:
    """What keeps a connection from coming about."""

    fault: Fault
    words: str
    """To be said of the server, behind its name."""
    hint: str = ""
    """What to write instead, as the fault says."""


NO_SUCH_HOST: Final = Obstacle(Fault.UNKNOWN_HOST, "has a host name that does not exist")
PROXY_SILENT: Final = Obstacle(Fault.UNAVAILABLE, "cannot be reached: the proxy does not answer")


def obstacle(error: BaseException) -> Obstacle | None:
    """Return what is wrong with the way to a server, whatever client says so; None where nothing tells."""
    chain = list(causes(error))
    if any(isinstance(cause, ProxyError) for cause in chain):
        # Its name or certificate is none of the server's.
        return PROXY_SILENT
    return next((found for found in map(_of_cause, chain) if found is not None), None)


def _of_cause(cause: BaseException) -> Obstacle | None:
    match cause:
        case socket.gaierror() if cause.errno in _NO_SUCH_NAME:
            return NO_SUCH_HOST
        case CertificateError():
            return Obstacle(Fault.BAD_CERTIFICATE, _OTHER_NAME)
        # aiohttp's own error of this type has no code; what it was raised from does.
        case ssl.SSLCertVerificationError(verify_code=code, verify_message=message):
            return _of_certificate(code, message)
        case ssl.SSLError() if _reason(cause) in _PLAIN_ANSWERS:
            return Obstacle(Fault.OTHER_SCHEME, "does not speak TLS there", hint="http")
        case ssl.SSLError() if _reason(cause):
            return Obstacle(Fault.UNAVAILABLE, f"cannot be reached: no TLS connection comes about ({_reason(cause)})")
        case _:
            return None


def _of_certificate(code: int, message: str) -> Obstacle:
    if code in _UNKNOWN_AUTHORITY:
        return Obstacle(Fault.UNKNOWN_AUTHORITY, "has a certificate of an unknown authority")
    return Obstacle(Fault.BAD_CERTIFICATE, _CERTIFICATES.get(code, f"has no valid certificate ({message})"))


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's name for what went wrong; an error of Python's own has none."""
    return str(getattr(error, "reason", None) or "")


def causes(error: BaseException) -> Iterator[BaseException]:
    """Return an error and what it was raised from, botocore's and urllib3's ways of keeping it included."""
    found: BaseException | None = error
    for _ in range(_CAUSES):
        if found is None:
            return
        yield found
        kept = getattr(found, "kwargs", {}).get("error") or getattr(found, "reason", None)
        first = next((one for one in found.args if isinstance(one, BaseException)), None)
        found = kept if isinstance(kept, BaseException) else found.__cause__ or first or found.__context__
