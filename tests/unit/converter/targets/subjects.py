"""Artifacts to look at on a target."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.converter.small_artifacts import KEY
from tflite_converter.core.tensors import Sample
from tflite_converter.targets.examination import Subject


def subject(folder: Path, content: bytes, samples: Sequence[Sample] | None = None, **changes: Any) -> Subject:
    artifact = folder / "artifact.tflite"
    artifact.write_bytes(content)
    given = {"compares": True, "min_snr_decibels": 20, **changes}
    return Subject(artifact=artifact, key=KEY, samples=drawn() if samples is None else samples, scratch=folder, **given)


def drawn(width: int = 16, count: int = 4) -> list[Sample]:
    numbers = np.random.default_rng(3)
    return [{"x": numbers.normal(size=[1, width]).astype(np.float32)} for _ in range(count)]
