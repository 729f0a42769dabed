"""What an error means that an S3 server answers with, in words. Pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from botocore.exceptions import ClientError

from tflite_api import urls
from tflite_converter.storage.answers.answer import Answer, Asked, Doing
from tflite_converter.storage.answers.faults import REDIRECTS, UNFIT_KEY, fault_of, hint_of, is_skewed, region_of
from tflite_converter.storage.obstacles import of_proxy
from tflite_converter.storage.store import Fault, Server, StoreError

_DOING: Final = {Doing.READ: "reading", Doing.WRITE: "uploading to", Doing.DELETE: "deleting"}
_WORDS: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.NOT_IMPLEMENTED: "The storage knows no conditions for {doing} {uri}: {told}",
        Fault.NO_CHECKSUMS: "The storage does not know the checksum of an upload: {told}",
        Fault.OTHER_REGION: "Bucket {bucket} is {there}not in {region} ({code})",
        Fault.OTHER_ENDPOINT: "Bucket {bucket} is not to be asked for at {server}, but at {hint}{in_region} ({code})",
        Fault.OTHER_SCHEME: "{server} is to be asked with {hint}: it answered {status}",
        Fault.OTHER_ADDRESSING: "The storage wants buckets named otherwise in addresses: {told}",
        Fault.NOT_A_STORE: "{server} does not answer as an S3 server: {foreign}",
        Fault.NO_BUCKET: "Bucket {bucket} does not exist",
        Fault.NO_OBJECT: "There is nothing at {uri}",
        Fault.OTHER_CONTENT: "{uri} changed while it was uploaded ({code})",
        Fault.CHANGED: "{uri} changed since this conversion looked at it",
        Fault.TOO_LARGE: "{uri}{size} is too large for the storage, or for a proxy before it: {told}",
        Fault.FULL: "The storage has no room for {uri}: {told}",
        Fault.ENCRYPTION: "The storage wants {uri} to be encrypted otherwise: {told}",
        Fault.REFUSED: "The storage refused the credentials for {uri} ({code})",
        Fault.WRITE_REFUSED: "The storage refused the credentials for uploading to {uri} ({code})",
        Fault.DECLINED: "The storage refuses {doing} {uri}: {told}",
    }
)
_BETWEEN: Final = "Something before the storage refuses {doing} {uri}: {foreign}"
_WANTS_TO_KNOW_WHO: Final = 407
"""Of HTTP: a proxy's answer alone."""
_BUYING: Final = "AssumeRoleWithWebIdentity"
"""botocore's name for what it asks the token service."""
_ASKED_LATER: Final = frozenset({"IDPCommunicationError", "Throttling", "ThrottlingException"})
_SAYS_NO_MORE: Final = re.compile(r"(access ?denied|forbidden|unauthorized)\.?", re.IGNORECASE)
"""Words that repeat the code."""
_UNAVAILABLE: Final = "The storage answered {code} ({status}) for {uri}{clock}"


def meaning(answer: Answer, asked: Asked, server: Server) -> StoreError:
    """Return what an error that the server answered with means."""
    if answer.status == _WANTS_TO_KNOW_WHO:
        return StoreError(Fault.UNAVAILABLE, f"{server.name} {of_proxy(answer.status).words}", answer.shown)
    fault = fault_of(answer, asked, server)
    hint = hint_of(fault, answer, asked, server)
    is_between = fault is Fault.DECLINED and answer.foreign is not None
    found = (_BETWEEN if is_between else _WORDS.get(fault, _UNAVAILABLE)).format(
        bucket=asked.at.bucket,
        uri=asked.at.uri,
        doing=_DOING[asked.doing],
        size=f" ({asked.size} bytes)" if asked.size is not None else "",
        server=server.name,
        region=server.region,
        there=f"in {hint}, " if hint else "",
        hint=hint,
        in_region=f" in {region}" if (region := region_of(answer)) else "",
        code=answer.shown,
        clock=", as its clock and that of the node differ" if is_skewed(answer) else "",
        status=answer.status,
        told=_told(answer),
        foreign=_foreign(answer),
    )
    return StoreError(fault, found, answer.shown, hint, _quoted(answer))


def of_answer(error: ClientError, asked: Asked, server: Server) -> StoreError:
    """Return what an error that the server answered with means, or the token service before it."""
    answer = Answer.of(error)
    return _of_token_service(answer) if error.operation_name == _BUYING else meaning(answer, asked, server)


def _of_token_service(answer: Answer) -> StoreError:
    if answer.status >= 500 or answer.code in _ASKED_LATER:
        return StoreError(
            Fault.UNAVAILABLE, f"The token service answered {answer.shown} ({answer.status})", answer.shown
        )
    found = f"The token service gives the ServiceAccount no credentials: {_told(answer)}"
    return StoreError(Fault.ROLE_REFUSED, found, answer.shown)


def _quoted(answer: Answer) -> str:
    """Return the code, with the storage's words where they say more."""
    if not answer.message or answer.code in UNFIT_KEY or _SAYS_NO_MORE.fullmatch(answer.message):
        return answer.shown
    return f'{answer.shown}, "{answer.message}"'


def _told(answer: Answer) -> str:
    """Return what the server said, its own words included where it has any beyond those of the protocol."""
    if answer.shown == str(answer.status):
        return answer.shown
    words = f', "{answer.message}"' if answer.message else ""
    return f"{answer.shown} ({answer.status}){words}"


def _foreign(answer: Answer) -> str:
    """Return what answered in the place of a store."""
    there = urls.split(answer.location) if answer.status in REDIRECTS else None
    if there is not None and there.hostname:
        return f"it leads to {there.scheme}://{there.hostname} ({answer.status})"
    said = answer.foreign or answer.message
    return f'it answered {answer.status} with "{said}"' if said else f"it answered {answer.status}"
