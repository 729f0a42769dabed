"""Objects on an S3 server: HEAD, conditional PUT, GET, LIST and DELETE."""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BufferedReader
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from tflite_converter.storage import s3_client
from tflite_converter.storage.answers import connections, words
from tflite_converter.storage.answers.answer import Answer, Asked, Doing
from tflite_converter.storage.answers.foreign import ForeignAnswerError
from tflite_converter.storage.credentials import Credentials
from tflite_converter.storage.fixed_length import FixedLength
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import (
    Always,
    Condition,
    Fault,
    IfAbsent,
    IfMatches,
    ListedObject,
    Location,
    Manner,
    OpenObject,
    Server,
    StoredObject,
    StoreError,
    Upload,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        DeleteObjectRequestTypeDef,
        GetObjectRequestTypeDef,
        HeadObjectOutputTypeDef,
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestTypeDef,
        PutObjectRequestTypeDef,
    )

_OF_ANOTHER_REGION: Final = frozenset({301, 400})
"""What a HEAD is answered with that is signed for another region than the bucket's."""
_PAGE: Final = 1000
"""Objects that a page of a listing has at most."""
_CHUNK_BYTES: Final = 1024**2
_EMPTY_PAGES: Final = 100
"""Pages without an object after which nobody believes that more will come; honest servers have few: of what was
deleted."""


class S3Store:
    """The buckets of an S3 server; see `ObjectStore`. Nothing is asked, and no credential read, before it is used."""

    def __init__(self, server: Server, credentials: Credentials, manner: Manner | None = None) -> None:
        """Take where it is, what it is asked with, and how it is to store what it is given."""
        self._server = server
        self._credentials = credentials
        self._manner = manner or Manner()
        self._checksums = self._manner.checksums

    @cached_property
    def _client(self) -> "S3Client":
        return s3_client.connect(self._server, self._credentials)

    def head(self, at: Location) -> StoredObject | None:
        """Return the object there; None where the bucket exists and the object does not."""
        with self._meant(Asked(at)), _understood(at):
            try:
                return object_of(self._answer_to_head(at))
            except ClientError as refusal:
                status = Answer.of(refusal).status
                self._ask_why(at, status)
                # The list shows the bucket is there and the credentials are good, so a 404 spoke of the object.
                if status == 404:
                    return None
                if status not in _OF_ANOTHER_REGION:
                    raise
            return self._head_again(at)

    def _head_again(self, at: Location) -> StoredObject | None:
        """Return the object once botocore knows the bucket's region, which only an answer with a body tells."""
        try:
            return object_of(self._answer_to_head(at))
        except ClientError as error:
            if Answer.of(error).status == 404:
                return None
            raise

    def _ask_why(self, at: Location, status: int) -> None:
        """Ask again in a way whose answer has a body: a HEAD is refused with a bare status, whatever the cause."""
        try:
            self._client.list_objects_v2(Bucket=at.bucket, Prefix=at.key, MaxKeys=1)
        except ClientError as error:
            # These credentials may look at the object but not list the bucket: the first answer stands.
            answer = Answer.of(error)
            if status != 404 or answer.code != "AccessDenied":
                raise

    def _answer_to_head(self, at: Location) -> "HeadObjectOutputTypeDef":
        if self._checksums:
            try:
                return self._client.head_object(Bucket=at.bucket, Key=at.key, ChecksumMode="ENABLED")
            except ClientError as error:
                # It has no body that would say what is wrong.
                if Answer.of(error).status not in {400, 501}:
                    raise
        found = self._client.head_object(Bucket=at.bucket, Key=at.key)
        self._checksums = False
        return found

    def put(self, at: Location, upload: Upload, condition: Condition) -> str:
        """Store an object whole or not at all, and return its ETag; CHANGED where the condition does not hold."""
        try:
            return self._put(at, upload, condition)
        except StoreError as error:
            if error.fault is not Fault.NO_CHECKSUMS or not self._checksums:
                raise
        self._checksums = False
        return self._put(at, upload, condition)

    def _put(self, at: Location, upload: Upload, condition: Condition) -> str:
        body = FixedLength(upload.file)
        request: PutObjectRequestTypeDef = {
            "Bucket": at.bucket,
            "Key": at.key,
            "Body": BufferedReader(body),
            "ContentType": upload.content_type,
            "Metadata": dict(upload.metadata),
        }
        if self._checksums:
            request["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(upload.sha256)).decode()
        else:
            request["ContentMD5"] = _md5(body, upload.sha256, at)
        if (encryption := self._manner.encryption) is not None:
            request["ServerSideEncryption"] = encryption.algorithm
            if encryption.key_id is not None:
                request["SSEKMSKeyId"] = encryption.key_id
        match condition:
            case IfAbsent():
                request["IfNoneMatch"] = "*"
            case IfMatches(etag):
                request["IfMatch"] = etag
        on_condition = not isinstance(condition, Always)
        asked = Asked(at, Doing.WRITE, body.size, on_condition, with_checksum=self._checksums)
        with self._meant(asked), _understood(at):
            try:
                return self._client.put_object(**request).get("ETag", "")
            except ClientError as error:
                # If-Match on an object that is gone.
                if Answer.of(error).code == "NoSuchKey":
                    raise words.meaning(Answer("PreconditionFailed", 412), asked, self._server) from error
                raise

    @contextmanager
    def get(self, at: Location, etag: str | None = None) -> Iterator[OpenObject]:
        """Open the object there for reading; CHANGED where an ETag is given and it has another."""
        request: GetObjectRequestTypeDef = {"Bucket": at.bucket, "Key": at.key}
        if etag is not None:
            request["IfMatch"] = etag
        with self._meant(Asked(at)):
            with _understood(at):
                answer = self._client.get_object(**request)
            with answer["Body"] as body:
                yield OpenObject(body, answer.get("ContentLength"))

    def list(self, below: Location, most: int) -> list[ListedObject]:
        """Return the first objects whose keys begin so, in the order of their keys."""
        found, empty, token = list[ListedObject](), 0, ""
        while len(found) < most:
            page = self._page(below, most - len(found), token)
            with _understood(below):
                listed = [ListedObject(item["Key"], item["Size"]) for item in page.get("Contents", [])]
            found += listed
            if not page.get("IsTruncated"):
                break
            empty += not listed
            if empty > _EMPTY_PAGES:
                raise StoreError(Fault.UNAVAILABLE, f"The listing of {below.uri} goes on and on without objects")
            token = page.get("NextContinuationToken", "")
        return found[:most]

    def _page(self, below: Location, most: int, token: str) -> "ListObjectsV2OutputTypeDef":
        request: ListObjectsV2RequestTypeDef = {
            "Bucket": below.bucket,
            "Prefix": below.key,
            "MaxKeys": min(most, _PAGE),
        }
        if token:
            request["ContinuationToken"] = token
        with self._meant(Asked(below)), _understood(below):
            return self._client.list_objects_v2(**request)

    def delete(self, at: Location, etag: str | None) -> None:
        """Delete the object there; CHANGED where it has another ETag than is given, unless the storage cannot tell."""
        request: DeleteObjectRequestTypeDef = {"Bucket": at.bucket, "Key": at.key}
        if etag is not None:
            request["IfMatch"] = etag
        with self._meant(Asked(at, Doing.DELETE, on_condition=etag is not None)), _understood(at):
            self._client.delete_object(**request)

    @contextmanager
    def _meant(self, asked: Asked) -> Iterator[None]:
        """Raise what the client's errors mean."""
        try:
            yield
        except ClientError as error:
            raise self._without_secrets(words.of_answer(error, asked, self._server)) from error
        except ForeignAnswerError as error:
            found = f"{self._server.name} does not answer as an S3 server: it answered {error}"
            raise self._without_secrets(StoreError(Fault.NOT_A_STORE, found)) from error
        except BotoCoreError as error:
            raise connections.of_connection(error, self._server) from error

    def _without_secrets(self, error: StoreError) -> StoreError:
        """Return an error without the key, which whoever answers knows a part of, and may say."""
        if not isinstance(self._credentials, Key):
            return error
        found, told = (self._credentials.hidden(text, os.environ) for text in (error.found, error.told))
        return StoreError(error.fault, found, error.code, error.hint, told)


@contextmanager
def _understood(at: Location) -> Iterator[None]:
    """Make a StoreError of what botocore trips over in an answer, such as a time that is none."""
    try:
        yield
    except BotoCoreError:
        raise
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        found = f"What the storage answered about {at.uri} makes no sense ({type(error).__name__})"
        raise StoreError(Fault.UNAVAILABLE, found) from error


def object_of(head: Mapping[str, object]) -> StoredObject:
    """Return an object from the answer to HEAD; a checksum of parts says nothing of the whole and is left out."""
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


def _md5(body: FixedLength, sha256: str, at: Location) -> str:
    """Return the MD5 of what is to be uploaded, as Content-MD5 wants it, once its SHA-256 was found to be right."""
    weak, strong = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    body.seek(0)
    while chunk := body.read(_CHUNK_BYTES):
        weak.update(chunk)
        strong.update(chunk)
    body.seek(0)
    if strong.hexdigest() != sha256:
        raise StoreError(Fault.OTHER_CONTENT, f"{at.uri} changed before it was uploaded")
    return base64.b64encode(weak.digest()).decode()


def _hexadecimal(checksum: object) -> str | None:
    if isinstance(checksum, str):
        with suppress(ValueError):
            digest = base64.b64decode(checksum, validate=True)
            return digest.hex() if len(digest) == 32 else None
    return None
