"""What keeps a connection to a server from coming about, whichever client says so. Pure."""

import errno
import os
import re
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
    9: "has a certificate that is not valid yet, as far as the clock of the node is right",
    10: "has a certificate that has expired",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
_NO_CONNECTION: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH})
_TUNNEL_REFUSED: Final = re.compile(r"^Tunnel connection failed: ([0-9]{3})\b")
"""In words of http.client, where a proxy answers something else than 200 to CONNECT."""
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
_NO_NAME_SERVER: Final = Obstacle(Fault.UNAVAILABLE, "cannot be reached: nobody answers what its host name means (DNS)")
PROXY_SILENT: Final = Obstacle(Fault.UNAVAILABLE, "cannot be reached: the proxy does not answer")


def obstacle(error: BaseException) -> Obstacle | None:
    """Return what is wrong with the way to a server, whatever client says so; None where nothing tells."""
    chain = list(causes(error))
    if any(isinstance(cause, ProxyError) for cause in chain):
        # Its name or certificate is none of the server's.
        answers = (_TUNNEL_REFUSED.search(str(cause)) for cause in chain if isinstance(cause, OSError))
        return next((of_proxy(int(found[1])) for found in answers if found), PROXY_SILENT)
    return next((found for found in map(_of_cause, chain) if found is not None), None)


def of_proxy(status: int) -> Obstacle:
    """Return what a status means with which a proxy answers in the place of the server."""
    return Obstacle(Fault.UNAVAILABLE, f"cannot be reached: the proxy answered {status}")


def _of_cause(cause: BaseException) -> Obstacle | None:
    match cause:
        case socket.gaierror():
            return NO_SUCH_HOST if cause.errno in _NO_SUCH_NAME else _NO_NAME_SERVER
        case CertificateError():
            return Obstacle(Fault.BAD_CERTIFICATE, _OTHER_NAME)
        # aiohttp's own error of this type has no code; what it was raised from does.
        case ssl.SSLCertVerificationError(verify_code=code, verify_message=message):
            return _of_certificate(code, message)
        case ssl.SSLError():
            return _of_tls(_reason(cause))
        case OSError(errno=number) if number in _NO_CONNECTION:
            return Obstacle(Fault.UNAVAILABLE, f"cannot be reached: {os.strerror(number)}")
        case _:
            return None


def _of_tls(reason: str) -> Obstacle | None:
    if reason in _PLAIN_ANSWERS:
        return Obstacle(Fault.OTHER_SCHEME, "does not speak TLS there", hint="http")
    if not reason:
        return None
    return Obstacle(Fault.UNAVAILABLE, f"cannot be reached: no TLS connection comes about ({reason})")


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
