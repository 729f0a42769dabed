"""The facts about a conversion that a decision needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import to_json

from tflite_api.names import FINALIZER, REQUESTED_AT_ANNOTATION
from tflite_api.resource.spec import PLACEMENT, ConversionSpec
from tflite_api.resource.status import REQUEST_CHARACTERS, ConversionStatus
from tflite_api.schema import describe
from tflite_api.text import one_line
from tflite_operator.core.fields import Object, field, mapping, moment, text, texts
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import Key
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import STEP_REQUEST_BYTES, queue_labels, step_request
from tflite_operator.settings import Settings

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_LONGEST_ATTEMPT: Final = Attempt(number=10**9)
_TOO_DEEP: Final = "the spec is nested too deeply"
_TOO_LARGE: Final = (
    "the spec has {} bytes as the steps read it, more than the {} that they can be told:"
    " shorten the texts and labels in spec.metadata"
)
_UNTOLD: Final = frozenset(ConversionSpec.model_fields[name].alias for name in PLACEMENT)
_UNTOLD_BYTES: Final = 80 * 1024
"""More than the schema accepts."""
_UNTOLD_TOO_LARGE: Final = (
    "the spec has {} bytes in what is about its pods, more than {}: shorten spec.affinity, spec.podMetadata,"
    " spec.nodeSelector and spec.tolerations"
)


@dataclass(frozen=True, slots=True)
class ObservedConversion:
    """A conversion, read once."""

    identity: Identity
    version: str
    """Its resourceVersion."""
    deletion: datetime | None
    """When somebody asked for its deletion."""
    finalizers: tuple[str, ...]
    spec: ConversionSpec | None
    """None where `spec_problem` says why it cannot be used."""
    spec_problem: str
    status: ConversionStatus
    """As last written; empty if it makes no sense."""
    written_status: Mapping[str, Any]
    """The same as the API server has it."""
    request: str
    """The value of the annotation requestedAt."""
    queue_labels: Mapping[str, str]
    """What a queueing system reads on its Jobs."""

    @property
    def key(self) -> Key:
        """Return the namespace and name."""
        return self.identity.namespace, self.identity.name

    @property
    def being_deleted(self) -> bool:
        """Return whether somebody asked for its deletion."""
        return self.deletion is not None

    @property
    def has_finalizer(self) -> bool:
        """Return whether its deletion waits for the operator."""
        return FINALIZER in self.finalizers


def observe_conversion(
    conversion: Object, settings: Settings, before: ObservedConversion | None = None
) -> ObservedConversion:
    """Read a conversion, whatever it holds.

    Args:
        conversion: as the API server shows it.
        settings: what the steps are told beside the spec, which has to fit into one variable.
        before: the same conversion as it was read earlier; its spec is taken where the generation is the same.
    """
    identity = Identity.of(conversion)
    if before is not None and before.identity == identity and identity.generation:
        spec, problem = before.spec, before.spec_problem
    else:
        spec, problem = _read_spec(conversion, identity, settings)
    return ObservedConversion(
        identity=identity,
        version=text(conversion, "metadata", "resourceVersion"),
        deletion=_deletion(conversion),
        finalizers=tuple(texts(conversion, "metadata", "finalizers")),
        spec=spec,
        spec_problem=problem,
        status=_read_status(conversion),
        written_status=mapping(conversion, "status"),
        request=one_line(text(conversion, "metadata", "annotations", REQUESTED_AT_ANNOTATION), REQUEST_CHARACTERS),
        queue_labels=queue_labels(conversion),
    )


def _deletion(conversion: Object) -> datetime | None:
    if not field(conversion, "metadata", "deletionTimestamp"):
        return None
    return moment(conversion, "metadata", "deletionTimestamp") or _LONG_AGO


def _read_status(conversion: Object) -> ConversionStatus:
    """Return a conversion's status; an empty one where it was edited into something else."""
    try:
        return ConversionStatus.from_object(dict(mapping(conversion, "status")))
    except (ValidationError, RecursionError):
        return ConversionStatus()


def _read_spec(conversion: Object, identity: Identity, settings: Settings) -> tuple[ConversionSpec | None, str]:
    try:
        # First: of a spec that breaks every rule of the schema, each problem would take more memory than its cause.
        untold, told = _sizes(mapping(conversion, "spec"))
        if told > STEP_REQUEST_BYTES:
            return None, _TOO_LARGE.format(told, STEP_REQUEST_BYTES)
        if untold > _UNTOLD_BYTES:
            return None, _UNTOLD_TOO_LARGE.format(untold, _UNTOLD_BYTES)
        spec = ConversionSpec.from_object(dict(mapping(conversion, "spec")))
    except ValidationError as error:
        return None, one_line(describe(error, "spec"))
    except (ValueError, RecursionError):
        return None, _TOO_DEEP
    size = len(step_request(identity, spec, settings, _LONGEST_ATTEMPT).encode())
    if size > STEP_REQUEST_BYTES:
        return None, _TOO_LARGE.format(size, STEP_REQUEST_BYTES)
    return spec, ""


def _sizes(spec: Mapping[str, object]) -> tuple[int, int]:
    """Return the bytes of what the steps are not told, and of what they are."""
    parts: tuple[dict[str, object], dict[str, object]] = {}, {}
    for name, value in spec.items():
        parts[name not in _UNTOLD][name] = value
    return len(to_json(parts[0])), len(to_json(parts[1]))
