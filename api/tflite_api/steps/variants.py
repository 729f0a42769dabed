"""What came of variants, made short enough for a step's report and whole again. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import VariantOutcome

DONE: Final = frozenset({Reason.CONVERTED.value, Reason.REUSED.value})
"""Reasons of a variant that is in the bucket."""


def plainer(outcomes: Sequence[VariantOutcome]) -> tuple[VariantOutcome, ...] | None:
    """Return outcomes without the least important of what they say; None where nothing is left to leave out."""
    for without in _WAYS:
        shorter = tuple(map(without, outcomes))
        if shorter != tuple(outcomes):
            return shorter
    return None


def _without_praise(outcome: VariantOutcome) -> VariantOutcome:
    return outcome.model_copy(update={"message": None}) if outcome.reason in DONE else outcome


def _without_operators(outcome: VariantOutcome) -> VariantOutcome:
    if outcome.benchmark is None:
        return outcome
    return outcome.model_copy(update={"benchmark": outcome.benchmark.model_copy(update={"operators": None})})


def _without_addresses(outcome: VariantOutcome) -> VariantOutcome:
    """Leave out what the spec says as well."""
    artifact, attestation = outcome.artifact, outcome.attestation
    if artifact is not None:
        page = "" if artifact.report_uri is not None else None
        artifact = artifact.model_copy(update={"uri": "", "report_uri": page})
    if attestation is not None:
        attestation = attestation.model_copy(update={"uri": ""})
    return outcome.model_copy(update={"artifact": artifact, "attestation": attestation})


def _without_benchmark(outcome: VariantOutcome) -> VariantOutcome:
    return outcome.model_copy(update={"benchmark": None})


def _without_tag(outcome: VariantOutcome) -> VariantOutcome:
    artifact = outcome.artifact.model_copy(update={"etag": None}) if outcome.artifact is not None else None
    return outcome.model_copy(update={"artifact": artifact})


def _without_message(outcome: VariantOutcome) -> VariantOutcome:
    return outcome.model_copy(update={"message": None})


_WAYS: Final[tuple[Callable[[VariantOutcome], VariantOutcome], ...]] = (
    _without_praise,
    _without_operators,
    _without_addresses,
    _without_benchmark,
    _without_tag,
    _without_message,
)


def addressed(outcomes: Sequence[VariantOutcome], spec: ConversionSpec) -> tuple[VariantOutcome, ...]:
    """Return outcomes with the addresses that the spec gives them, whatever they say of these."""
    destinations = {name: one.destination.s3 for name, one in spec.by_variant.items()}
    return tuple(_addressed(outcome, destinations) for outcome in outcomes if outcome.name in destinations)


def _addressed(outcome: VariantOutcome, destinations: Mapping[str, S3Destination]) -> VariantOutcome:
    where, artifact, attestation = destinations[outcome.name], outcome.artifact, outcome.attestation
    if artifact is not None:
        page = where.report_page.uri if artifact.report_uri is not None else None
        artifact = artifact.model_copy(update={"uri": where.uri, "report_uri": page})
    if attestation is not None:
        attestation = attestation.model_copy(update={"uri": where.attestation.uri})
    return outcome.model_copy(update={"artifact": artifact, "attestation": attestation})
