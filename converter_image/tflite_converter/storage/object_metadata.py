"""What our metadata on an object in a bucket says, and what follows from it for a new conversion: pure decisions.

The metadata is what makes a rebuilt cluster recognise its artifacts; like everything from a bucket it is data to check.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from pydantic import ValidationError

from tflite_api.field_types import CLUSTER_ID_PATTERN
from tflite_api.names import UNKNOWN_CLUSTER
from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric
from tflite_api.resource.status import Attestation
from tflite_api.steps import packing
from tflite_api.steps.step import StepResult
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure
from tflite_converter.storage.store import StoredObject

RECIPE: Final = "tflite-recipe"
OWNER: Final = "tflite-owner"
CLUSTER: Final = "tflite-cluster"
SHA256: Final = "tflite-sha256"
RESULT: Final = "tflite-result"
ATTESTATION: Final = "tflite-attestation"
"""Apart from the result, of which the attestation holds the digest."""

_PREFIX: Final = "x-amz-meta-"
METADATA_BYTES: Final = 2048
"""S3's limit for names and values together
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html); counted with the prefix, to be safe."""
_LONGEST: Final = 64 * 1024
_ATTESTATION_ROOM: Final = 64 + 1 + 128
"""Bytes: a digest, a space, and the longest name that the status has for a key."""
_OWNER_SAFE: Final = "/.-_"
_ITS_BENCHMARK: Final = ", with the benchmark of when it was made"
_CURE: Final = "choose another key or remove the object"


@dataclass(frozen=True)
class Write:
    """The artifact has to be made; `replaces` is the ETag of the object it replaces, None if there is none."""

    replaces: str | None = None


@dataclass(frozen=True)
class Reuse:
    """The bucket holds the artifact."""

    result: StepResult


@dataclass(frozen=True)
class Owner:
    """A conversion of a cluster."""

    cluster: str
    conversion: str
    """namespace/name."""

    def seen_from(self, cluster: str) -> str:
        """Return the words for it in a cluster."""
        name = one_line(self.conversion, 300)
        return name if self.cluster == cluster else f"{name} of cluster {one_line(self.cluster, 63)}"


@dataclass(frozen=True)
class Identity:
    """Who converts what to where."""

    uri: str
    owner: Owner
    recipe: str
    report_uri: str | None = None
    """Where the report page is to be."""
    adopts: Owner | None = None
    """Whose objects it may take for its own."""
    metrics: tuple[Metric, ...] = ()
    """What is measured on labels: the recipe says it, so that an artifact's metadata need not."""


@dataclass(frozen=True)
class _Note:
    """Our metadata, as far as it is well-formed."""

    owner: Owner
    recipe: str
    sha256: str
    result: StepResult | None = field(default=None)


def decide(found: StoredObject | None, wanted: Identity, *, forced: bool = False) -> Write | Reuse:
    """Return what the object at the destination means for a conversion; `forced` if none is to be reused.

    Raises:
        StepFailure: DestinationConflict where the object is not this conversion's to replace.
    """
    if found is None:
        return Write()
    result = stored_result(found, wanted)
    # What is adopted is made again: only so it becomes this conversion's own, and nobody else's who names the same.
    if result is not None and not forced and adopted(found, wanted) is None:
        return Reuse(_as_reused(result, found, wanted))
    check_replaceable(found, wanted)
    return Write(replaces=found.etag)


def check_replaceable(found: StoredObject | None, wanted: Identity) -> None:
    """Refuse an object that is not this conversion's to replace.

    Raises:
        StepFailure: DestinationConflict.
    """
    if found is None:
        return
    note = _read_note(found.metadata)
    if note is None:
        raise StepFailure(
            Reason.DESTINATION_CONFLICT,
            f"{wanted.uri} holds an object that no conversion wrote",
            _CURE,
        )
    if note.owner not in {wanted.owner, wanted.adopts}:
        whose = note.owner.seen_from(wanted.owner.cluster)
        raise StepFailure(
            Reason.DESTINATION_CONFLICT,
            f"{wanted.uri} holds the artifact of {whose}",
            _CURE if note.owner.cluster == wanted.owner.cluster else _adoption(note.owner, wanted.owner),
        )


def _adoption(theirs: Owner, ours: Owner) -> str:
    """Return how to take over an object of another cluster."""
    cluster = theirs.cluster if re.fullmatch(CLUSTER_ID_PATTERN, theirs.cluster) else ""
    fields = f"clusterID: {cluster}" if cluster else "its clusterID"
    if theirs.conversion != ours.conversion:
        fields += ", and its namespace and name"
    return f"choose another key, or take it over with destination.s3.adoptFrom ({fields})"


def adopted(found: StoredObject | None, wanted: Identity) -> str | None:
    """Return whose an object is that this conversion takes over; None where it takes over none."""
    note = _read_note(found.metadata) if found is not None else None
    if note is None or note.owner == wanted.owner or note.owner != wanted.adopts:
        return None
    return note.owner.seen_from(wanted.owner.cluster)


def is_owned(found: StoredObject, by: Identity) -> bool:
    """Return whether this conversion wrote the object."""
    note = _read_note(found.metadata)
    return note is not None and note.owner == by.owner


def is_page_of(found: StoredObject | None, wanted: Identity) -> bool:
    """Return whether an object is the whole report page of this recipe's artifact."""
    note = _read_note(found.metadata) if found is not None else None
    if found is None or note is None:
        return False
    return note.recipe == wanted.recipe and found.sha256 in {None, note.sha256}


def stored_result(found: StoredObject, wanted: Identity) -> StepResult | None:
    """Return what the metadata of this recipe's artifact says of it; None where it is another, or does not agree."""
    note = _read_note(found.metadata)
    if note is None or note.recipe != wanted.recipe:
        return None
    result = _reusable(found, note)
    return _with_names(result, wanted.metrics) if result is not None else None


def recorded_digest(found: StoredObject) -> str | None:
    """Return the SHA-256 of an object that a conversion wrote; None where another did, or the object was changed."""
    note = _read_note(found.metadata)
    return note.sha256 if note is not None and found.sha256 in {None, note.sha256} else None


def ownership(sha256: str, wanted: Identity) -> dict[str, str]:
    """Return the metadata of every object that a conversion writes: whose it is, of which recipe, and its SHA-256."""
    return {
        RECIPE: wanted.recipe,
        OWNER: quote(wanted.owner.conversion, safe=_OWNER_SAFE),
        CLUSTER: wanted.owner.cluster,
        SHA256: sha256,
    }


def encode_metadata(result: StepResult, wanted: Identity) -> dict[str, str]:
    """Return the metadata to store beside the artifact; the signature is left out where it is too long for S3.

    Raises:
        ValueError: the result has no artifact, or does not fit however short.
    """
    if result.artifact is None:
        raise ValueError("a result without an artifact describes no object")
    metadata = {**ownership(result.artifact.sha256, wanted), RESULT: packed_result(result, wanted)}
    named = result.attestation
    return metadata if named is None else {**metadata, ATTESTATION: f"{named.sha256} {named.key_id or ''}".strip()}


def packed_result(result: StepResult, wanted: Identity) -> str:
    """Return what the metadata say of an artifact.

    The attestation is beside it: whether there is one makes no difference. What whoever reuses it knows anyway is left
    out, and what still does not fit, as StepResult.to_json has it: the figures that gates are held to go last.

    Raises:
        ValueError: the result has no artifact, or does not fit however short.
    """
    if result.artifact is None:
        raise ValueError("a result without an artifact describes no object")
    told = _without_known(result)
    beside = ownership(result.artifact.sha256, wanted)
    room = METADATA_BYTES - metadata_bytes({**beside, RESULT: "", ATTESTATION: ""}) - _ATTESTATION_ROOM
    limit = len(told.to_json(_LONGEST))
    while True:
        packed = packing.packed(told.to_json(limit))
        if len(packed) <= room:
            return packed
        limit = limit * 9 // 10


def _without_known(result: StepResult) -> StepResult:
    """Return a result without what the spec of the same recipe says, or the object itself, or nobody asks for again."""
    changes: dict[str, object] = {"message": "", "cure_given": None, "report_problem": None, "attestation": None}
    if result.artifact is not None:
        changes["artifact"] = result.artifact.model_copy(update={"uri": "", "report_uri": None, "etag": None})
    measured = result.verification
    if measured is not None and measured.metrics:
        unnamed = tuple(one.model_copy(update={"name": "", "output": "", "k": None}) for one in measured.metrics)
        changes["verification"] = measured.model_copy(update={"metrics": unnamed})
    return result.model_copy(update=changes)


def _with_names(result: StepResult, metrics: Sequence[Metric]) -> StepResult:
    """Return a result with the names of its metrics, which are those of the spec in the same order."""
    measured = result.verification
    shown = measured.metrics if measured is not None else None
    if measured is None or not shown or len(shown) != len(metrics):
        return result
    named = tuple(
        one if one.name else one.model_copy(update={"name": asked.name, "output": asked.output, "k": asked.k})
        for one, asked in zip(shown, metrics, strict=True)
    )
    return result.model_copy(update={"verification": measured.model_copy(update={"metrics": named})})


def result_digest(found: StoredObject) -> str:
    """Return the SHA-256 of what an object's metadata say of it."""
    return hashlib.sha256(found.metadata.get(RESULT, "").encode()).hexdigest()


def recipe_of(found: StoredObject) -> str:
    """Return the recipe that an object's metadata name."""
    return found.metadata.get(RECIPE, "")


def metadata_bytes(metadata: Mapping[str, str]) -> int:
    """Return the size of metadata as S3 counts it at worst."""
    return sum(len(_PREFIX) + len(name.encode()) + len(value.encode()) for name, value in metadata.items())


def _read_note(metadata: Mapping[str, str]) -> _Note | None:
    if not {RECIPE, OWNER, SHA256}.issubset(metadata):
        return None
    packed = metadata.get(RESULT)
    result = _unpack(packed) if packed is not None else None
    return _Note(
        owner=Owner(metadata.get(CLUSTER, UNKNOWN_CLUSTER), unquote(metadata[OWNER])),
        recipe=metadata[RECIPE],
        sha256=metadata[SHA256],
        result=result.model_copy(update={"attestation": _attestation(metadata)}) if result is not None else None,
    )


def _attestation(metadata: Mapping[str, str]) -> Attestation | None:
    sha256, _, key_id = metadata.get(ATTESTATION, "").partition(" ")
    try:
        # Where it is, whoever reuses it knows.
        return Attestation(uri="", sha256=sha256, key_id=key_id or None)
    except ValidationError:
        return None


def _unpack(packed: str) -> StepResult | None:
    try:
        return StepResult.model_validate_json(packing.unpacked(packed))
    except ValueError:
        return None


def _reusable(found: StoredObject, note: _Note) -> StepResult | None:
    """Return the stored result where object, metadata and result agree with each other in everything they say."""
    result = note.result
    if result is None or result.reason is not Reason.CONVERTED or result.artifact is None or result.provenance is None:
        return None
    agrees = (
        result.artifact.sha256 == note.sha256
        and result.artifact.size_bytes == found.size
        and found.sha256 in {None, note.sha256}
        and result.provenance.recipe_hash == note.recipe
    )
    return result if agrees else None


def _as_reused(result: StepResult, found: StoredObject, wanted: Identity) -> StepResult:
    here = {"uri": wanted.uri, "etag": found.etag, "report_uri": wanted.report_uri}
    artifact = result.artifact.model_copy(update=here) if result.artifact else None
    return StepResult(
        reason=Reason.REUSED,
        message=f"{wanted.uri} already holds the artifact of this recipe{_ITS_BENCHMARK if result.benchmark else ''}",
        verdict=result.verdict,
        artifact=artifact,
        attestation=result.attestation,
        signature=result.signature,
        additional_signatures=result.additional_signatures,
        verification=result.verification,
        quantization=result.quantization,
        trials=result.trials,
        targets=result.targets,
        benchmark=result.benchmark,
        provenance=result.provenance,
    )
