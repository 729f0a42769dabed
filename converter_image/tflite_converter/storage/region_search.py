"""Keeps botocore's search for a bucket's region from going round in circles.

botocore asks HeadBucket where an answer names no region, and treats the answer to that in the same way: a server that
answers every request with a redirect has it call itself until Python gives up.
"""

from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SEARCH = "HeadBucket"


class _Operation(Protocol):
    name: str


def bound(client: "S3Client") -> None:
    """Have a client search for a region once for a request."""
    client.meta.events.register("before-call.s3", _OneSearch().begin)


class _OneSearch:
    def __init__(self) -> None:
        self._begun = False

    def begin(self, model: _Operation, **_: object) -> None:
        """Refuse a search within a search: botocore takes that for an answer without a region."""
        is_search = model.name == _SEARCH
        if is_search and self._begun:
            raise ClientError({"ResponseMetadata": {"HTTPHeaders": {}}}, _SEARCH)  # type: ignore[typeddict-item] # what it looks at
        self._begun = is_search
