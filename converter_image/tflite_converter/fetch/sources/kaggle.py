"""A model of Kaggle, asked for through kagglehub's client and fetched within limits.

kagglehub 1.0.2 resolves a handle, and a version if it names none; its own download and extraction have no limit of
size and its client waits for ever (kagglehub/http_resolver.py, kagglesdk/kaggle_http_client.py), so those are ours.
"""

import functools
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import requests
from requests.adapters import HTTPAdapter

from tflite_api.reasons import Reason
from tflite_api.sources.kaggle import KaggleSource
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.fetch.archive.extraction import CHUNK_BYTES
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, from_archive
from tflite_converter.fetch.network.ca_bundle import client_context
from tflite_converter.fetch.receiver import Receiver
from tflite_converter.fetch.store_failures import unreachable_fixed
from tflite_converter.storage import secret_key
from tflite_converter.storage.obstacles import obstacle

if TYPE_CHECKING:
    from kagglehub.handle import ModelHandle
    from kagglesdk.kaggle_client import KaggleClient

FIELD: Final = "model.kaggle.handle"
_SERVER: Final = "https://www.kaggle.com"
_SECONDS: Final = (10, 60)
"""To connect, and between two bytes."""


class _AboutModel(Protocol):
    """What all requests about a model have."""

    owner_slug: str
    model_slug: str
    framework: object
    instance_slug: str


_Request = TypeVar("_Request", bound=_AboutModel)


def fetch(source: KaggleSource, sha256: str | None, place: Place) -> FetchedModel:
    """Fetch a version's whole archive, with the credentials of the environment (KAGGLE_USERNAME, KAGGLE_KEY) or none.

    Raises:
        StepFailure: ModelNotFound, ModelAccessDenied, ModelTooLarge, ModelUnavailable, ServerUnreachable,
            CredentialsRefused (they cannot be any), or what `from_archive` raises.
    """
    _clean(os.environ, source)
    place.progress.phase("Downloading the model")
    with place.packed() as packed:
        with _named_failures(source):
            found = _download(source, packed, place)
        return from_archive(packed, found, Pin(FIELD, sha256), place)


def _clean(environment: MutableMapping[str, str], source: KaggleSource) -> None:
    """Leave out the white space around the credentials, which kagglehub reads from there, and refuse what can be none.

    What kagglehub takes for absent makes it ask without credentials, and Kaggle's answer would tell nothing of them.
    """
    for variable in KaggleSource.CREDENTIALS:
        if variable not in environment:
            continue
        value = secret_key.stripped(environment[variable])
        wrong = secret_key.problem(value) if value else "is empty" if source.secret_ref is not None else None
        if wrong is not None:
            raise StepFailure(Reason.CREDENTIALS_REFUSED, f"{variable} of {_holder(source)} {wrong}", OWN_CURE)
        environment[variable] = value


def _holder(source: KaggleSource) -> str:
    if source.secret_ref is None:
        return "the environment"
    return f"Secret {source.secret_ref.name} (model.kaggle.secretRef)"


def _download(source: KaggleSource, packed: Path, place: Place) -> str:
    from kagglehub.clients import build_kaggle_client  # noqa: PLC0415 - seconds to import, and most models need none
    from kagglehub.handle import parse_model_handle  # noqa: PLC0415
    from kagglesdk.models.types.model_api_service import ApiDownloadModelInstanceVersionRequest  # noqa: PLC0415

    with build_kaggle_client() as client:
        _adjust(client)
        wanted = parse_model_handle(source.handle)
        request = _about(ApiDownloadModelInstanceVersionRequest(), wanted)
        request.version_number = wanted.version or _latest_version(client, wanted)
        answer = client.models.model_api_client.download_model_instance_version(request)
        with answer:
            return _save(answer, source, packed, place)


def _latest_version(client: "KaggleClient", wanted: "ModelHandle") -> int:
    from kagglesdk.models.types.model_api_service import ApiGetModelInstanceRequest  # noqa: PLC0415 - see above

    found = client.models.model_api_client.get_model_instance(_about(ApiGetModelInstanceRequest(), wanted))
    return int(found.version_number)


def _about(request: _Request, wanted: "ModelHandle") -> _Request:
    request.owner_slug = wanted.owner
    request.model_slug = wanted.model
    request.framework = wanted.framework_enum()
    request.instance_slug = wanted.variation
    return request


def _adjust(client: "KaggleClient") -> None:
    """Have a client never wait for ever, and check certificates as other clients here do."""
    session = client.http_client()._session  # noqa: SLF001 - its client has no setting for it
    session.send = functools.partial(session.send, timeout=_SECONDS)
    session.mount("https://", _Connections())


class _Connections(HTTPAdapter):  # type: ignore[misc] # untyped
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - handed through as they are
        super().init_poolmanager(*arguments, **options, ssl_context=client_context())

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401 - the same
        return super().proxy_manager_for(proxy, **options, ssl_context=client_context())


def _save(answer: requests.Response, source: KaggleSource, packed: Path, place: Place) -> str:
    """Write the archive to a file; give its SHA-256."""

    def too_large(words: str) -> StepFailure:
        return StepFailure(Reason.MODEL_TOO_LARGE, f"{source.handle} {words}", OWN_CURE)

    receiver = Receiver(place.limits.max_archive_bytes, place.limits.timeout_seconds, too_large, place.progress)
    return receiver.save(answer.iter_content(CHUNK_BYTES), packed)


@contextmanager
def _named_failures(source: KaggleSource) -> Iterator[None]:
    try:
        yield
    except requests.HTTPError as error:
        raise _answered(error.response.status_code if error.response is not None else 0, source) from error
    except requests.RequestException as error:
        if (found := obstacle(error)) is not None:
            raise unreachable_fixed(found, _SERVER) from error
        # Only the kind: the text of some of these errors quotes the request.
        words = f"Kaggle cannot be reached, or broke off: {type(error).__name__}"
        raise StepFailure(Reason.MODEL_UNAVAILABLE, words, OWN_CURE) from error
    except ValueError as error:
        words = f"Kaggle knows no framework {source.framework}"
        raise StepFailure(Reason.MODEL_NOT_FOUND, words, f"write for example tensorFlow2 in {FIELD}") from error


def _answered(status: int, source: KaggleSource) -> StepFailure:
    if status in {401, 403} and source.secret_ref is None:
        words = f"Kaggle asks for credentials for {source.handle} ({status})"
        return StepFailure(Reason.MODEL_ACCESS_DENIED, words, "set model.kaggle.secretRef")
    if status in {401, 403} and source.secret_ref is not None:
        words = f"Kaggle refused the credentials of {_holder(source)} for {source.handle} ({status})"
        cure = "correct them, or accept the model's terms with that account"
        return StepFailure(Reason.MODEL_ACCESS_DENIED, words, cure)
    if status == 404:
        return StepFailure(Reason.MODEL_NOT_FOUND, f"Kaggle knows no model {source.handle} (404)", f"correct {FIELD}")
    return StepFailure(Reason.MODEL_UNAVAILABLE, f"Kaggle answered {status} for {source.handle}", OWN_CURE)
