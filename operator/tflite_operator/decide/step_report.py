"""Reads the report that a step left in its termination message. It is untrusted: the model may have written it."""

import json
from typing import Any, Final

from pydantic import ValidationError

from tflite_api.names import PUBLISH, TERMINATION_LOG_BYTES
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import Artifact
from tflite_api.schema import describe
from tflite_api.steps.step import EXIT_CODES, StepResult
from tflite_api.steps.step_reasons import OF_VARIANT, STEP_REASONS
from tflite_api.steps.variants import DONE
from tflite_api.text import one_line

_LARGEST: Final = 2**63 - 1
"""The API server has no larger integers."""


class UnbelievableReportError(Exception):
    """A report is not to be believed; the message says why in a few words."""


def read_report(step: str, exit_code: int, report: str) -> StepResult:
    """Return what a step reported.

    Raises:
        UnbelievableReportError: there is no report, or it makes no sense for this step and exit code.
    """
    if not report.strip():
        raise UnbelievableReportError("it left no report")
    try:
        result = StepResult.from_object(_cleaned(_parsed(report)))
    except ValidationError as error:
        raise UnbelievableReportError(f"its report is malformed: {one_line(describe(error), 200)}") from error
    except (ValueError, RecursionError) as error:
        raise UnbelievableReportError("its report is malformed") from error
    if EXIT_CODES.get(result.outcome) != exit_code:
        raise UnbelievableReportError(f"its report says {result.reason}, which does not go with exit code {exit_code}")
    if result.variants is not None and step != PUBLISH:
        raise UnbelievableReportError(f"its report speaks of variants, of which {step} knows nothing")
    told_of = OF_VARIANT if result.variants is not None else frozenset()
    if result.reason not in STEP_REASONS.get(step, frozenset()) | told_of:
        raise UnbelievableReportError(f"its report says {result.reason}, which {step} cannot know")
    return result


def check_artifact(result: StepResult, spec: ConversionSpec) -> None:
    """Refuse a success that is not that of this spec.

    Raises:
        UnbelievableReportError: the report speaks of another recipe or object, or lacks what a success has.
    """
    if (result.artifact is None) != bool(spec.variants) or result.provenance is None:
        raise UnbelievableReportError("its report names no artifact")
    if result.provenance.recipe_hash != recipe_hash(spec):
        raise UnbelievableReportError("its report speaks of another recipe")
    if result.artifact is not None:
        _check_addresses(result, result.artifact, spec)
    _check_variants(result, spec)


def _check_addresses(result: StepResult, artifact: Artifact, spec: ConversionSpec) -> None:
    if artifact.uri != spec.destination.s3.uri:
        raise UnbelievableReportError("its report speaks of another object")
    page = spec.destination.s3.report_page.uri if spec.report else None
    excused = page is not None and artifact.report_uri is None and result.report_problem is not None
    if artifact.report_uri != page and not excused:
        raise UnbelievableReportError("its report speaks of another report page")
    attested = result.attestation.uri if result.attestation is not None else None
    if attested != (spec.destination.s3.attestation.uri if spec.attestation is not None else None):
        raise UnbelievableReportError("its report speaks of another attestation than the spec wants")


def _check_variants(result: StepResult, spec: ConversionSpec) -> None:
    """Refuse a success without each variant; addresses are taken from the spec."""
    outcomes = result.variants or ()
    if [one.name for one in outcomes] != list(spec.by_variant):
        raise UnbelievableReportError("its report speaks of other variants than the spec wants")
    for one in outcomes:
        if one.reason not in DONE or one.artifact is None:
            raise UnbelievableReportError(f"its report names no artifact of variant {one.name}")
        if (one.attestation is None) != (spec.attestation is None):
            raise UnbelievableReportError(
                f"its report has another attestation of variant {one.name} than the spec wants"
            )


def _parsed(report: str) -> object:
    if len(report.encode(errors="replace")) > TERMINATION_LOG_BYTES:
        raise ValueError("longer than the kubelet lets a termination message be")
    return json.loads(report, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _cleaned(value: object) -> Any:  # noqa: ANN401 - JSON
    """Clean every text; refuse numbers that no status could hold."""
    match value:
        case dict():
            return {one_line(key): _cleaned(item) for key, item in value.items()}
        case list():
            return [_cleaned(item) for item in value]
        case str():
            return one_line(value)
        case bool():
            return value
        case int() | float():
            if abs(value) > _LARGEST:
                raise ValueError("a number out of range")
            return value
        case _:
            return value
