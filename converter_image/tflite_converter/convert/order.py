"""What the child that converts is told to do."""

from pathlib import Path
from typing import Self

from tflite_api.resource.budget import Benchmarking, Budget
from tflite_api.resource.metadata import ModelMetadata
from tflite_api.resource.metrics import Metric
from tflite_api.resource.spec import ConversionSpec, LabelledSamples, Signature
from tflite_api.resource.targets import Target
from tflite_api.schema import Boolean, Integer, Schema
from tflite_api.steps.report import TypeSize
from tflite_api.steps.step import FetchedDatasets
from tflite_converter.core import hub_cache
from tflite_converter.core.local_spec import LocalCalibration, LocalQuantization


class Contents(Schema):
    """What an artifact consists of, as the process that measures a trial leaves it."""

    sizes: tuple[TypeSize, ...]
    """Its constants by type."""
    scale_bytes: Integer = 0
    """What its scales take beyond one for each tensor."""
    weights: Integer = 0
    """How many values the model's weights are: of its file in floats, where the type leaves one."""
    floats: str | None = None
    """The model's file in floats, where the type leaves one: for Int8 with the ranges of its activations."""
    reference_dir: str | None = None
    """What the model computes, for the signature that this file is of."""


class TrialOrder(Schema):
    """What makes a conversion one of several of the same model, of which all run on one run of the model itself."""

    workspace_dir: str
    """What the trials have in common: the first one fills it."""
    calibration: LocalCalibration | None = None
    """How activations are measured, for the candidates that need it."""


class ConversionOrder(Schema):
    """What the child is to do: no more of the spec than it needs."""

    model_dir: str
    hub_handle: str | None = None
    """Where the model came by one: tensorflow_hub finds it in its cache, the folder above `model_dir`."""
    output_dir: str
    scratch_dir: str
    tags: tuple[str, ...] | None = None
    signature: Signature = Signature()
    quantization: LocalQuantization
    select_tf: Boolean
    min_snr_decibels: Integer
    half_precision_min_snr_decibels: Integer | None = None
    """The same where the model computes in half precision; None where that makes no difference."""
    metadata: ModelMetadata | None = None
    verification_samples: LabelledSamples | None = None
    """How samples are taken from the verification dataset."""
    metrics: tuple[Metric, ...] = ()
    """What is measured on its labels."""
    budget: Budget | None = None
    benchmarking: Benchmarking | None = None
    """What is measured of the artifact as it runs."""
    targets: tuple[Target, ...] = ()
    datasets: FetchedDatasets = FetchedDatasets()
    report: Boolean = False
    """Whether to measure what the report page shows."""
    trial: TrialOrder | None = None
    """Where the conversion is one of a search."""
    proof: str = ""
    """What the child says when all is done. A graph does not know it, but can end the process with exit code 0."""

    @classmethod
    def of(
        cls,
        spec: ConversionSpec,
        *,
        model_dir: str,
        output_dir: str,
        scratch_dir: str,
        datasets: FetchedDatasets,
    ) -> Self:
        """Take from a spec what the child needs."""
        handle = spec.model.handle
        return cls(
            model_dir=model_dir,
            hub_handle=handle if handle is not None and hub_cache.holds(handle, Path(model_dir)) else None,
            output_dir=output_dir,
            scratch_dir=scratch_dir,
            tags=spec.model.tags,
            signature=spec.signature or Signature(),
            quantization=LocalQuantization.from_object(spec.quantization.to_object()),
            select_tf=spec.ops.select_tf,
            min_snr_decibels=spec.min_snr_decibels,
            half_precision_min_snr_decibels=spec.half_precision_min_snr_decibels,
            metadata=spec.metadata,
            verification_samples=_settings(spec),
            metrics=spec.metrics,
            budget=spec.budget,
            benchmarking=spec.benchmarking,
            targets=spec.targets or (),
            datasets=datasets,
            report=spec.report,
        )


def _settings(spec: ConversionSpec) -> LabelledSamples | None:
    given = spec.verification.samples if spec.verification else None
    if given is None:
        return None
    return LabelledSamples(
        sha256=given.sha256, max_samples=given.max_samples, images=given.images, classes=given.classes
    )
