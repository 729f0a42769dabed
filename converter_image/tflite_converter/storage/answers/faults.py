"""Which fault an answer of an S3 server stands for, and what it says to write instead. Pure.

The codes are those of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what other products say
in their place.
"""

import re
from typing import Final
from urllib.parse import SplitResult

from tflite_api import urls
from tflite_converter.storage.answers.answer import Answer, Asked, Doing
from tflite_converter.storage.store import Fault, Server

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
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FULL: Final = re.compile(
    r"quota|storagefull|(?:storage|transaction)_?cap_?exceeded|insufficientstorage", re.IGNORECASE
)
"""QuotaExceeded (Ceph, RustFS' XRustfsQuotaExceeded), XMinioStorageFull and XMinioAdminBucketQuotaExceeded (MinIO),
StorageCapExceeded (Backblaze)."""
_TOO_LARGE: Final = frozenset({"EntityTooLarge", "413"})
_CHECKSUM_HEADER: Final = re.compile(r"x-amz-(?:sdk-)?checksum|checksum algorithm|aws-chunked", re.IGNORECASE)
_ENCRYPTION: Final = re.compile(r"encrypt|\bkms\b|\bsse\b|server-?side", re.IGNORECASE)
_REGION_IN_WORDS: Final = re.compile(
    r"expecting '?([a-z0-9-]{1,64})\b|[Ss]cope should be '?[0-9]{8}/([a-z0-9-]{1,64})/s3/"
)
"""In words of Amazon S3, MinIO and versitygw, and of Garage."""
_PLAIN_TO_TLS: Final = re.compile(r"http request (?:was sent )?to (?:an )?https|speaking plain http", re.IGNORECASE)
"""In words of servers in Go, of nginx and of Apache."""
_OTHER_PORT: Final = re.compile(r"(?:to|on) (?:the )?(?:API|console) port", re.IGNORECASE)
"""In words of MinIO's console: "S3 API Requests must be made to API port"."""


def fault_of(answer: Answer, asked: Asked, server: Server) -> Fault:
    """Return what is wrong: the first of the rules that holds."""
    code, status, writes = answer.code, answer.status, asked.doing is Doing.WRITE
    words = f"{code} {answer.message}"
    declined = status in {400, 403, 501}
    rules = (
        (Fault.OTHER_SCHEME, _scheme(answer, server) is not None),
        (Fault.NOT_A_STORE, _OTHER_PORT.search(answer.message) is not None),
        (Fault.NO_CHECKSUMS, writes and declined and _CHECKSUM_HEADER.search(words) is not None),
        (Fault.ENCRYPTION, writes and declined and _ENCRYPTION.search(words) is not None),
        (Fault.FULL, status == 507 or _FULL.search(code) is not None),
        (Fault.TOO_LARGE, code in _TOO_LARGE or status == 413),
        (Fault.OTHER_ADDRESSING, _addressing(answer, server) is not None),
        (Fault.NOT_IMPLEMENTED, asked.on_condition and (code == "NotImplemented" or status == 501)),
        (Fault.OTHER_ENDPOINT, _endpoint(answer) is not None),
        (Fault.OTHER_REGION, code in _OTHER_REGION or (status in REDIRECTS and answer.region != "")),
        (Fault.NO_BUCKET, code in {"NoSuchBucket", "InvalidBucketName"}),
        (Fault.NO_OBJECT, code == "NoSuchKey"),
        (Fault.OTHER_CONTENT, code in _OTHER_CONTENT),
        (Fault.CHANGED, code in _CHANGED or status == 412),
        (Fault.UNAVAILABLE, code in _LATER or (status >= 500 and status != 501) or status in {408, 425, 429}),
        (Fault.NOT_A_STORE, answer.foreign is not None or status in REDIRECTS),
        (Fault.REFUSED, code in _REFUSED or (status in {401, 403} and code == str(status))),
    )
    return next((fault for fault, holds in rules if holds), Fault.DECLINED)


def hint_of(fault: Fault, answer: Answer, server: Server) -> str:
    """Return what to write instead, as the fault says; empty if the answer does not say it."""
    match fault:
        case Fault.OTHER_REGION:
            named = _REGION_IN_WORDS.search(answer.message)
            said = answer.region or next((one for one in (named.groups() if named else ()) if one), "")
            return said if re.fullmatch("[a-z0-9-]{1,64}", said) and said != server.region else ""
        case Fault.OTHER_SCHEME:
            return _scheme(answer, server) or ""
        case Fault.OTHER_ADDRESSING:
            return _addressing(answer, server) or ""
        case Fault.OTHER_ENDPOINT:
            return _endpoint(answer) or ""
        case _:
            return ""


def _scheme(answer: Answer, server: Server) -> str | None:
    """Return https where a server that is asked with http says that it wants that."""
    if not (server.endpoint or "").startswith("http:"):
        return None
    there = urls.split(answer.location) if answer.status in REDIRECTS else None
    asked = urls.split(server.endpoint or "")
    moved = there is not None and there.scheme == "https" and asked is not None and _same_host(there, asked)
    return "https" if moved or (answer.status == 400 and _PLAIN_TO_TLS.search(answer.foreign or "")) else None


def _same_host(one: SplitResult, other: SplitResult) -> bool:
    """Return whether addresses lead to the same server, or one to a bucket of the other."""
    return one.hostname is not None and f".{one.hostname}".endswith(f".{other.hostname}")


def _addressing(answer: Answer, server: Server) -> str | None:
    """Return the addressing style that the server wants, where it refuses the one that was used."""
    words = f"{answer.code} {answer.message}"
    if re.search(r"SecondLevelDomainForbidden|PathStyleDomainForbidden|virtual.?host", words, re.IGNORECASE):
        return "Virtual"
    if re.search(r"VirtualHostDomainForbidden|use path.?style", words, re.IGNORECASE):
        return "Path"
    return None


def _endpoint(answer: Answer) -> str | None:
    """Return the host that an answer names in the place of the one that was asked."""
    names_one = answer.status in REDIRECTS or "specified endpoint" in answer.message
    host = answer.endpoint.removeprefix("https://").removeprefix("http://").rstrip("/")
    return host if names_one and re.fullmatch(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?", host) else None
