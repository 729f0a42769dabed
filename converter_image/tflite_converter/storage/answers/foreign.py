"""Notices what answers in the place of an S3 server: a console, a login page, a proxy.

botocore takes a page at a status of success for an empty listing or a broken connection, and shows of an error no more
than its status.
"""

import re
from collections.abc import Mapping, MutableMapping
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from tflite_api.text import one_line
from tflite_converter.storage.answers.answer import FOREIGN

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LOOKED_AT: Final = 4096
"""Bytes of an answer."""
_SHOWN_CHARACTERS: Final = 120
_PAGE: Final = re.compile(rb"<!doctype html|<html\b", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_MARKUP: Final = re.compile(r"<[^>]*>")
_WITHOUT_BODY: Final = frozenset({"HeadObject", "GetObject", "PutObject", "DeleteObject"})
"""Requests whose answer at success tells by its headers alone whether a store gave it."""


class ForeignAnswerError(Exception):
    """What answered is no store; the message is one printable line of what it said."""


def notice(client: "S3Client") -> None:
    """Have a client notice answers that no store gives: an error carries them, a success becomes one."""
    # Before botocore's own, which makes an error to try again of what is no XML.
    client.meta.events.register_first("before-parse.s3", _check)


def _check(response_dict: Mapping[str, Any], customized_response_dict: MutableMapping[str, Any], **_: object) -> None:
    said, status = foreign_text(response_dict), response_dict["status_code"]
    if said is None:
        return
    if status < 300:
        raise ForeignAnswerError(f'{status} with "{said}"')
    customized_response_dict[FOREIGN] = said


def foreign_text(response: Mapping[str, Any]) -> str | None:
    """Return the beginning of an answer, as a line to show, where it is none that a store gives."""
    headers, body, status = response["headers"], response.get("body"), response["status_code"]
    operation = response.get("context", {}).get("operation_name")
    if status < 300 and operation in _WITHOUT_BODY:
        is_page = str(headers.get("content-type", "")).lower().startswith("text/html")
        known = any(str(name).lower() == "etag" or str(name).lower().startswith("x-amz-") for name in headers)
        return "a web page" if is_page and not known and status == 200 else None
    start = body[:_LOOKED_AT].lstrip(b"\xef\xbb\xbf \t\r\n") if isinstance(body, bytes) else b""
    if not start or (start.startswith(b"<") and not _PAGE.search(start)):
        return None
    return _shown(start.decode(errors="replace"))


def _shown(text: str) -> str:
    """Return a page's title, or its first words."""
    title = _TITLE.search(text)
    words = one_line(unescape(title.group(1) if title else _MARKUP.sub(" ", text)), _SHOWN_CHARACTERS)
    return words.replace('"', "'") or "a web page"
