"""What an error means that an S3 server answers with, in words. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from botocore.exceptions import ClientError

from tflite_api import urls
from tflite_converter.storage.answers.answer import Answer, Asked, Doing
from tflite_converter.storage.answers.faults import REDIRECTS, fault_of, hint_of
from tflite_converter.storage.store import Fault, Server, StoreError

_DOING: Final = {Doing.READ: "reading", Doing.WRITE: "uploading to", Doing.DELETE: "deleting"}
_WORDS: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.NOT_IMPLEMENTED: "The storage knows no conditions for {doing} {uri}: {told}",
        Fault.NO_CHECKSUMS: "The storage does not know the checksum of an upload: {told}",
        Fault.OTHER_REGION: "Bucket {bucket} is {there}not in {region} ({code})",
        Fault.OTHER_ENDPOINT: "Bucket {bucket} is not to be asked for at {server}, but at {hint} ({code})",
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
        Fault.DECLINED: "The storage refuses {doing} {uri}: {told}",
    }
)
_UNAVAILABLE: Final = "The storage answered {code} ({status}) for {uri}"


def meaning(answer: Answer, asked: Asked, server: Server) -> StoreError:
    """Return what an error that the server answered with means."""
    fault = fault_of(answer, asked, server)
    hint = hint_of(fault, answer, server)
    found = _WORDS.get(fault, _UNAVAILABLE).format(
        bucket=asked.at.bucket,
        uri=asked.at.uri,
        doing=_DOING[asked.doing],
        size=f" ({asked.size} bytes)" if asked.size is not None else "",
        server=server.name,
        region=server.region,
        there=f"in {hint}, " if hint else "",
        hint=hint,
        code=answer.shown,
        status=answer.status,
        told=_told(answer),
        foreign=_foreign(answer),
    )
    return StoreError(fault, found, answer.shown, hint)


def of_answer(error: ClientError, asked: Asked, server: Server) -> StoreError:
    """Return what an error that the server answered with means."""
    return meaning(Answer.of(error), asked, server)


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
