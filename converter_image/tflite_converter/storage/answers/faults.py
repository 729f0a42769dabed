"""Which fault an answer of an S3 server stands for, and what it says to write instead. Pure.

The codes are those of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what other products say
in their place.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult

from tflite_api import urls
from tflite_converter.storage.answers.answer import Answer, Asked, Doing
from tflite_converter.storage.store import Fault, Server

_FORBIDDEN: Final = frozenset({"AccessDenied", "Forbidden", "UnauthorizedAccess"})
_NO_KEY: Final = "the access key is none that it could take"
_UNKNOWN_KEY: Final = "it does not know this access key: is it one of this storage, and of its region?"
_UNFITTING: Final = (
    "the secret key is not that of the access key, or a proxy before the storage changes host or path of what is asked"
)
_EXPIRED: Final = "they have expired"
_BAD_TOKEN: Final = "it does not take this session token"  # noqa: S105 - words about one
UNFIT_KEY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AllAccessDisabled": "all access is disabled, and its provider can say why",
        "AuthorizationHeaderMalformed": _NO_KEY,
        "AuthorizationQueryParametersError": _NO_KEY,
        "ExpiredToken": _EXPIRED,
        "InvalidAccessKeyId": _UNKNOWN_KEY,
        "InvalidSecurity": _UNKNOWN_KEY,
        "InvalidToken": _BAD_TOKEN,
        "InvalidTokenId": _UNKNOWN_KEY,
        "SignatureDoesNotMatch": _UNFITTING,
        "TokenRefreshRequired": _EXPIRED,
        "XAdminUserNotFound": _UNKNOWN_KEY,  # versitygw, with status 404
    }
)
"""What is wrong with credentials of which the storage says more than that they may not do something."""
_OTHER_REGION: Final = frozenset(
    {"IllegalLocationConstraintException", "InvalidRegionName", "PermanentRedirect", "TemporaryRedirect"}
)
_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "412", "409"})
_OTHER_CONTENT: Final = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)
_SKEWED: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired", "ExpiredRequest"})
"""Where the clocks of storage and client differ: what was signed just now is of another time. The last is R2's."""
_OF_ANOTHER_TIME: Final = re.compile(r"signature expired|request has expired", re.IGNORECASE)
_LATER: Final = frozenset({"RequestTimeout", "SlowDown", "ServiceUnavailable", "Throttling"})
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FULL: Final = re.compile(
    r"quota|storagefull|(?:storage|transaction)_?cap_?exceeded|insufficientstorage", re.IGNORECASE
)
"""QuotaExceeded (Ceph, RustFS' XRustfsQuotaExceeded), XMinioStorageFull and XMinioAdminBucketQuotaExceeded (MinIO),
StorageCapExceeded (Backblaze)."""
_TOO_LARGE: Final = frozenset({"EntityTooLarge", "413"})
_CHECKSUM_HEADER: Final = re.compile(
    r"x-amz-(?:sdk-)?checksum|checksum algorithm|aws-chunked|content-md5 .*required", re.IGNORECASE
)
_ENCRYPTION: Final = re.compile(r"encrypt|\bkms\b|\bsse\b|server-?side", re.IGNORECASE)
_KEY_PERMISSION: Final = re.compile(r"not authorized to perform:? (kms:[A-Za-z]{1,40})")
"""In words of Amazon S3, where the bucket encrypts with a key that the credentials may not use."""
_LOCKED: Final = re.compile(r"\bworm\b|object.?lock|legal hold|retention", re.IGNORECASE)
"""An object that nobody may replace or delete for a time, whoever asks."""
_SHAPE_OF_KEY: Final = re.compile(r"credential access key has|malformed access key", re.IGNORECASE)
"""In words of R2, and of Backblaze."""
_DENYING_POLICY: Final = re.compile(r"explicit deny in a resource-based policy", re.IGNORECASE)
"""In words of Amazon S3, where it is the bucket's policy, such as one that demands encryption."""
_SIGNED_FOR_ANOTHER: Final = re.compile(r"invalid signing region|scoped to a valid region", re.IGNORECASE)
"""In words of OSS, and of versitygw as it was."""
_ANY_REGION: Final = re.compile(r"\bone of: [a-z, ]*\bauto\b")
"""In words of R2."""
_IN_ANOTHER_REGION: Final = re.compile(r"region|scope", re.IGNORECASE)
_REGION_IN_WORDS: Final = re.compile(
    r"expecting '?([a-z0-9-]{1,64})\b|[Ss]cope should be '?[0-9]{8}/([a-z0-9-]{1,64})/s3/"
)
"""In words of Amazon S3, MinIO and versitygw, and of Garage."""
_REGION_IN_HOST: Final = re.compile(r"\bs3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]{1,16}){1,3}-[0-9])\.amazonaws\.com")
_PLAIN_TO_TLS: Final = re.compile(r"http request (?:was sent )?to (?:an )?https|speaking plain http", re.IGNORECASE)
"""In words of servers in Go, of nginx and of Apache."""
_OTHER_PORT: Final = re.compile(r"(?:to|on) (?:the )?(?:API|console) port", re.IGNORECASE)
"""In words of MinIO's console: "S3 API Requests must be made to API port"."""


def fault_of(answer: Answer, asked: Asked, server: Server) -> Fault:
    """Return what is wrong: the first of the rules that holds."""
    code, status, writes = answer.code, answer.status, asked.doing is Doing.WRITE
    words = f"{code} {answer.message} {answer.header}"
    is_unknown = code == "NotImplemented" or status == 501
    declined = status in {400, 403, 501}
    forbidden = code in _FORBIDDEN or status == 401 or (status == 403 and code == "403")
    rules = (
        (Fault.OTHER_SCHEME, _scheme(answer, server) is not None),
        (Fault.NOT_A_STORE, _OTHER_PORT.search(answer.message) is not None),
        (Fault.NO_CHECKSUMS, writes and declined and _CHECKSUM_HEADER.search(words) is not None),
        (Fault.REFUSED, _KEY_PERMISSION.search(answer.message) is not None),
        # The key management service says itself what is wrong with a key.
        (Fault.DECLINED, code.startswith("KMS.") or (status < 500 and _LOCKED.search(words) is not None)),
        (Fault.ENCRYPTION, writes and declined and _ENCRYPTION.search(words) is not None),
        (Fault.FULL, status == 507 or _FULL.search(code) is not None),
        (Fault.TOO_LARGE, code in _TOO_LARGE or status == 413),
        (Fault.OTHER_ADDRESSING, _addressing(answer, server) is not None),
        # Which of the two headers it does not know is not always said: without the checksum it says so again.
        (Fault.NO_CHECKSUMS, is_unknown and asked.with_checksum and not answer.header.lower().startswith("if-")),
        (Fault.NOT_IMPLEMENTED, is_unknown and asked.on_condition),
        (Fault.OTHER_ENDPOINT, _endpoint(answer, asked) is not None and server.endpoint is not None),
        (Fault.OTHER_REGION, code in _OTHER_REGION or (status in REDIRECTS and answer.region != "")),
        (Fault.OTHER_REGION, code == "AuthorizationHeaderMalformed" and _speaks_of_region(answer)),
        (Fault.OTHER_REGION, _SIGNED_FOR_ANOTHER.search(answer.message) is not None),
        (Fault.NO_BUCKET, code in {"NoSuchBucket", "InvalidBucketName"}),
        (Fault.NO_OBJECT, code == "NoSuchKey"),
        (Fault.OTHER_CONTENT, code in _OTHER_CONTENT),
        (Fault.CHANGED, code in _CHANGED or status == 412 or (status == 409 and asked.on_condition)),
        (
            Fault.UNAVAILABLE,
            is_skewed(answer) or code in _LATER or (status >= 500 and status != 501) or status in {408, 425, 429},
        ),
        # One that was read from before is a store, whatever answers in its place now.
        (Fault.NOT_A_STORE, (answer.foreign is not None and not writes) or status in REDIRECTS),
        (Fault.DECLINED, answer.foreign is not None),
        (Fault.REFUSED, code in UNFIT_KEY or _SHAPE_OF_KEY.search(answer.message) is not None),
        (Fault.WRITE_REFUSED, writes and forbidden),
        (Fault.REFUSED, forbidden),
    )
    return next((fault for fault, holds in rules if holds), Fault.DECLINED)


def hint_of(fault: Fault, answer: Answer, asked: Asked, server: Server) -> str:
    """Return what to write instead, as the fault says; empty if the answer does not say it."""
    match fault:
        case Fault.REFUSED:
            lacking = _KEY_PERMISSION.search(answer.message)
            unfit = _NO_KEY if _SHAPE_OF_KEY.search(answer.message) else UNFIT_KEY.get(answer.code, "")
            return f"they need {lacking[1]} of the bucket's key" if lacking else unfit
        case Fault.WRITE_REFUSED:
            return "policy" if _DENYING_POLICY.search(answer.message) else ""
        case Fault.OTHER_REGION:
            said = region_of(answer)
            return said if said != server.region else ""
        case Fault.OTHER_SCHEME | Fault.OTHER_ADDRESSING | Fault.OTHER_ENDPOINT:
            found = {
                Fault.OTHER_SCHEME: _scheme(answer, server),
                Fault.OTHER_ADDRESSING: _addressing(answer, server),
                Fault.OTHER_ENDPOINT: _endpoint(answer, asked),
            }
            return found[fault] or ""
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


def is_skewed(answer: Answer) -> bool:
    """Return whether the clocks of storage and client differ: nothing here is signed long before it is asked."""
    return answer.code in _SKEWED or _OF_ANOTHER_TIME.search(answer.message) is not None


def region_of(answer: Answer) -> str:
    """Return the region that an answer names, made harmless; empty if it names none."""
    named = _REGION_IN_WORDS.search(answer.message)
    host = _REGION_IN_HOST.search(answer.endpoint)
    in_words = next((one for one in (named.groups() if named else ()) if one), "")
    any_region = "auto" if _ANY_REGION.search(answer.message) else ""
    said = answer.region or in_words or (host[1] if host else "") or any_region
    return said if re.fullmatch("[a-z0-9-]{1,64}", said) else ""


def _speaks_of_region(answer: Answer) -> bool:
    """Return whether a malformed header is one for another region, as it is where nothing more is said."""
    return not answer.message or region_of(answer) != "" or _IN_ANOTHER_REGION.search(answer.message) is not None


def _endpoint(answer: Answer, asked: Asked) -> str | None:
    """Return the host that an answer names in the place of the one that was asked, without a bucket in front of it."""
    names_one = answer.status in REDIRECTS or "specified endpoint" in answer.message
    host = answer.endpoint.removeprefix("https://").removeprefix("http://").rstrip("/")
    host = host.removeprefix(f"{asked.at.bucket}.")
    return host if names_one and re.fullmatch(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?", host) else None
