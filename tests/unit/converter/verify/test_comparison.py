"""On how many of the generated samples an artifact is run: as many on every machine, unless that takes too long."""

import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import KEY, dense
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.tensors import Outputs, Sample, Work
from tflite_converter.datasets.distributions import IN_TURN
from tflite_converter.datasets.generated import LEAST, MOST
from tflite_converter.verify import comparison, litert
from tflite_converter.verify.measurement import Measurement
from tflite_converter.verify.reference import Reference, cut_in_words

GENERATOR = np.random.default_rng(5)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(dense(1))
    return path


def generated(artifact: Path, *, restless: bool, work: Work | None = None) -> Reference:
    """Return a reference of which the artifact is off by less and less, or by the same each time."""
    given: list[Sample] = [{"x": GENERATOR.normal(size=[1, 64]).astype(np.float32)} for _ in range(MOST)]
    outputs: list[Outputs] = []
    for number, found in enumerate(litert.run(artifact, KEY, given)):
        share = 0.5 / 2 ** number.bit_length() if restless else 0.01
        outputs.append({"y": found["y"] * np.float32(1 + share)})
    return Reference(
        tuple(given),
        tuple(outputs),
        "Generated",
        repeats=True,
        assigns_state=False,
        responds=True,
        distributions=tuple(IN_TURN[number % len(IN_TURN)] for number in range(MOST)),
        work=work or Work(),
    )


def used(artifact: Path, reference: Reference) -> Reference:
    measured = Measurement()
    (seen,) = comparison.measure(artifact, [KEY], [reference], measured)
    assert measured.samples == len(seen.given)
    return seen


def test_it_ends_where_the_figures_stand_still(artifact: Path) -> None:
    assert len(used(artifact, generated(artifact, restless=False)).given) == 4 * LEAST
    assert len(used(artifact, generated(artifact, restless=True)).given) == MOST


@pytest.mark.parametrize("seconds", [1e-3, 0.05])
def test_slow_and_busy_machines_see_as_many(artifact: Path, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = generated(artifact, restless=True)
    monkeypatch.setattr(time, "process_time", count(0, seconds).__next__)
    seen = used(artifact, reference)
    assert len(seen.given) == MOST
    assert cut_in_words([seen]) == ()


def test_what_takes_too_long_is_cut_short_and_said_to_be(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = generated(artifact, restless=True)
    monkeypatch.setattr(time, "process_time", count(0, 2.0).__next__)
    seen = used(artifact, reference)
    assert LEAST <= len(seen.given) < 2 * LEAST
    assert f"on the first {len(seen.given)} generated samples alone" in cut_in_words([seen])[0]


def test_in_16_bits_it_is_run_on_fewer_where_it_computes_much(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = generated(artifact, restless=True, work=Work(multiplications=10**8))
    assert len(used(artifact, reference).given) == MOST
    monkeypatch.setattr(flatbuffer, "computes_in_16_bits", lambda _: True)
    seen = used(artifact, reference)
    assert len(seen.given) == LEAST
    assert not seen.cut_short
