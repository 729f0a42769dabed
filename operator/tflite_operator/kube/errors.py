"""What goes wrong with the API server, in the operator's own exceptions."""

from typing import Final

from tflite_api.text import one_line
from tflite_operator.core.fields import Object, objects, text


class ClusterError(Exception):
    """The API server could not be asked, or its answer makes no sense; trying again may help."""

    retry_after = 0.0
    """The seconds for which the API server asks to be left alone."""


class NotFoundError(ClusterError):
    """The object, or its namespace, does not exist."""


class ConflictError(ClusterError):
    """The object changed, is another one, or exists already: read again."""


class GoneError(ClusterError):
    """The API server no longer knows a version that is asked for: list again."""


class RefusedError(ClusterError):
    """The API server refuses what was asked for; the message is its own."""


class PageTooLongError(ClusterError):
    """A page of a list has more bytes than were to be read: ask for fewer objects."""


class NamespaceTerminatingError(ClusterError):
    """The namespace is being deleted: nothing can be made in it."""


_BY_STATUS: Final[dict[int, type[ClusterError]]] = {
    401: ClusterError,
    404: NotFoundError,
    408: ClusterError,
    409: ConflictError,
    410: GoneError,
    429: ClusterError,
}


def error_of(method: str, status: int, answer: Object, retry_after: str = "") -> ClusterError:
    """Return what an answer of 300 or more means.

    Args:
        method: of the request.
        status: of the answer.
        answer: its metav1.Status.
        retry_after: the header of that name.
    """
    message = one_line(text(answer, "message")) or f"HTTP {status}"
    causes = {text(cause, "reason") for cause in objects(answer, "details", "causes")}
    kind: type[ClusterError] = ClusterError
    if "NamespaceTerminating" in causes:
        kind = NamespaceTerminatingError
    elif status in _BY_STATUS:
        kind = _BY_STATUS[status]
    elif 400 <= status < 500 or (method == "POST" and "webhook" in message):
        # For an admission webhook that does not answer the server blames itself (500), but cannot help it.
        kind = RefusedError
    error = kind(message)
    # It may also be a date, but no API server writes one.
    error.retry_after = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return error
