"""The destination bucket: a look, a conditional upload, and what the storage's errors mean."""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from tflite_api.names import REQUESTED_AT_ANNOTATION
from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_converter.core.failure import OWN_CURE, Cure, StepFailure
from tflite_converter.storage import s3_client
from tflite_converter.storage.object_metadata import StoredObject
from tflite_converter.storage.s3_client import Credentials, Identity, Key

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

ARTIFACT_TYPE: Final = "application/vnd.tflite"
PAGE_TYPE: Final = "text/html; charset=utf-8"
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
_WRONG_REGION: Final = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect"}
)
_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_OTHER_CONTENT: Final = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)
_LATER: Final = frozenset({"RequestTimeTooSkewed", "RequestTimeout", "SlowDown", "ServiceUnavailable", "Throttling"})
_PERMISSIONS: Final = (
    "they need s3:GetObject, s3:PutObject and s3:ListBucket, and s3:DeleteObject for deletionPolicy Delete"
)
_ASK_AGAIN: Final = f"ask for one more run with a new value of the annotation {REQUESTED_AT_ANNOTATION}"


def error_failure(code: str, status: int, where: S3Destination) -> StepFailure:
    """Give what an answer of the storage means.

    Args:
        code: the error's code, as in https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; a HEAD has
            no body, so botocore puts the status there.
        status: the HTTP status.
        where: the destination that was addressed.
    """
    reason = _reason(code, status)
    shown = re.sub(r"[^A-Za-z0-9.]", "", code)[:64]
    cure: Cure = OWN_CURE
    match reason:
        case Reason.INVALID_SPEC if code == "NotImplemented":
            found, cure = "The storage knows no conditional uploads with checksums", "use another destination.s3"
        case Reason.INVALID_SPEC:
            found, cure = f"Bucket {where.bucket} is not in {where.region} ({shown})", "correct destination.s3.region"
        case Reason.BUCKET_NOT_FOUND:
            found, cure = f"Bucket {where.bucket} does not exist", "create it or correct its name"
        case Reason.ARTIFACT_REFUSED:
            found = f"The artifact changed while it was uploaded to {where.uri} ({shown})"
            cure = f"Find out what changes it on its way, then {_ASK_AGAIN}"
        case Reason.DESTINATION_CHANGED:
            found = f"{where.uri} changed since this conversion looked at it"
        case Reason.CREDENTIALS_REFUSED:
            found = f"The storage refused the credentials of {_holder(where)} for {where.uri} ({shown}): {_PERMISSIONS}"
            if where.secret_ref is None:
                cure = f"Correct the permissions of its role, then {_ASK_AGAIN}"
        case _:
            found = f"The storage answered {shown} ({status}) for {where.uri}"
    return StepFailure(reason, found, cure)


def _holder(where: S3Destination) -> str:
    if where.secret_ref is None:
        return "the ServiceAccount (serviceAccountName)"
    return f"Secret {where.secret_ref.name} (destination.s3.secretRef)"


def _reason(code: str, status: int) -> Reason:
    rules = (
        (Reason.INVALID_SPEC, code in _WRONG_REGION or code == "NotImplemented" or status in {301, 307, 501}),
        (Reason.BUCKET_NOT_FOUND, code in {"NoSuchBucket", "InvalidBucketName"}),
        (Reason.DATASET_NOT_FOUND, code == "NoSuchKey"),
        (Reason.ARTIFACT_REFUSED, code in _OTHER_CONTENT),
        (Reason.DESTINATION_CHANGED, code in _CHANGED or status == 412),
        (Reason.STORAGE_UNAVAILABLE, code in _LATER or status >= 500 or status in {408, 429}),
        (Reason.CREDENTIALS_REFUSED, code in _REFUSED or status in {401, 403}),
    )
    return next((reason for reason, holds in rules if holds), Reason.INTERNAL_ERROR)


def object_of(head: Mapping[str, object]) -> StoredObject:
    """Give an object from the answer to HEAD; a checksum of parts says nothing of the whole and is left out."""
    metadata = head.get("Metadata")
    size, etag = head.get("ContentLength"), head.get("ETag")
    return StoredObject(
        etag=etag if isinstance(etag, str) else "",
        size=size if isinstance(size, int) else -1,
        sha256=_hexadecimal(head.get("ChecksumSHA256")),
        metadata={str(name).lower(): str(value) for name, value in metadata.items()}
        if isinstance(metadata, Mapping)
        else {},
    )


def _hexadecimal(checksum: object) -> str | None:
    if isinstance(checksum, str):
        with suppress(ValueError):
            digest = base64.b64decode(checksum, validate=True)
            return digest.hex() if len(digest) == 32 else None
    return None


class FixedLength(RawIOBase):
    """A file that keeps the length it has now, whatever becomes of it; zeros stand for what is gone.

    Of a shorter or longer body the storage would wait for the rest, or find rubbish after it, and say neither. This
    one it reads to the end, and its checksum decides.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Measure a seekable file."""
        self._file = file
        self._length = file.seek(0, os.SEEK_END)
        self._position = 0

    def readable(self) -> bool:
        """Hold."""
        return True

    def seekable(self) -> bool:
        """Hold: a request that is sent again starts at the beginning."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader calls it with
        """Read on."""
        wanted = max(min(len(buffer), self._length - self._position), 0)
        self._file.seek(self._position)
        buffer[:wanted] = self._file.read(wanted).ljust(wanted, b"\0")
        self._position += wanted
        return wanted


@dataclass(frozen=True)
class StoredFile:
    """An object in a bucket."""

    key: str
    size: int
    """Bytes."""


class Storage:
    """One destination, with the credentials of the environment: a key, or the token of a ServiceAccount.

    Every method raises StepFailure: CredentialsRefused, BucketNotFound, InvalidSpec or StorageUnavailable.
    """

    def __init__(self, where: S3Destination, credentials: Credentials | None = None) -> None:
        """Make a client with these credentials; else with the Secret's that `where` names, or the ServiceAccount's."""
        self._where = where
        own = Key() if where.secret_ref is not None else Identity()
        self._client = s3_client.connect(where.endpoint, where.region, credentials or own)

    def look(self) -> StoredObject | None:
        """Give the object at the destination; None where the bucket exists and the object does not."""
        where = self._where
        try:
            return object_of(self._client.head_object(Bucket=where.bucket, Key=where.key, ChecksumMode="ENABLED"))
        except ClientError as error:
            status = _status(error)
            self._ask_why(error)
            # The list shows the bucket is there and the credentials are good, so a 404 spoke of the object.
            if status != 404:
                raise self._failure(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error
        return None

    def _ask_why(self, refusal: ClientError) -> None:
        """Ask again in a way whose answer has a body: a HEAD is refused with a bare status, whatever the cause."""
        try:
            self._client.list_objects_v2(Bucket=self._where.bucket, Prefix=self._where.key, MaxKeys=1)
        except ClientError as error:
            # These credentials may look at the object but not list the bucket: the first answer stands.
            if _status(refusal) == 404 and error.response.get("Error", {}).get("Code") == "AccessDenied":
                return
            raise self._failure(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def upload(
        self,
        file: BinaryIO,
        sha256: str,
        metadata: Mapping[str, str],
        replaces: str | None,
        content_type: str = ARTIFACT_TYPE,
    ) -> StoredObject:
        """Upload an object whole or not at all, and look at what the storage then has.

        Args:
            file: its content, seekable, at its start.
            sha256: 64 hexadecimal digits; the storage refuses other content.
            metadata: see `object_metadata.encode_metadata`.
            replaces: the ETag of the object to replace; None where there must be none.
            content_type: as a browser wants it.

        Raises:
            StepFailure: also DestinationChanged, where the object is not the one expected any more.
        """
        request: PutObjectRequestTypeDef = {
            "Bucket": self._where.bucket,
            "Key": self._where.key,
            "Body": BufferedReader(FixedLength(file)),
            "ContentType": content_type,
            "Metadata": dict(metadata),
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        if replaces is None:
            request["IfNoneMatch"] = "*"
        else:
            request["IfMatch"] = replaces
        try:
            self._client.put_object(**request)
        except ClientError as error:
            # If-Match on an object that is gone: 404 NoSuchKey.
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise error_failure("PreconditionFailed", 412, self._where) from error
            raise self._failure(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error
        stored = self.look()
        if stored is None:
            raise error_failure("PreconditionFailed", 412, self._where)
        return stored

    def delete(self, etag: str) -> None:
        """Delete the object at the destination, if it still has this ETag; storages that cannot tell delete it anyway.

        Raises:
            StepFailure: also DestinationChanged, where it has another.
        """
        try:
            self._client.delete_object(Bucket=self._where.bucket, Key=self._where.key, IfMatch=etag)
        except ClientError as error:
            raise self._failure(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def list_files(self, prefix: str, most: int) -> list[StoredFile]:
        """Give the first objects below a prefix of this destination's bucket, in the order of their keys.

        Raises:
            StepFailure: as `error_failure` gives it for the bucket.
        """
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._where.bucket, Prefix=prefix, PaginationConfig={"MaxItems": most}
        )
        try:
            return [StoredFile(item["Key"], item["Size"]) for page in pages for item in page.get("Contents", [])]
        except ClientError as error:
            raise self._failure(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    @contextmanager
    def open(self, key: str) -> Iterator[tuple[BinaryIO, int]]:
        """Open an object of this destination's bucket for reading, with its size (bytes).

        Raises:
            StepFailure: as `error_failure` gives it; also where the storage breaks off while it is read.
        """
        try:
            answer = self._client.get_object(Bucket=self._where.bucket, Key=key)
            with answer["Body"] as body:
                yield cast("BinaryIO", body), answer["ContentLength"]
        except ClientError as error:
            raise self._failure(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def _failure(self, error: ClientError) -> StepFailure:
        return error_failure(str(error.response.get("Error", {}).get("Code", "")), _status(error), self._where)

    def _unavailable(self, error: BotoCoreError) -> StepFailure:
        # Only the kind: the text of some of these errors quotes the request.
        server = self._where.endpoint or "Amazon S3"
        words = f"{server} cannot be reached: {type(error).__name__}"
        return StepFailure(Reason.STORAGE_UNAVAILABLE, words, OWN_CURE)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
