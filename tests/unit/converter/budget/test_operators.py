"""LiteRT's profiler tells in which operators the time goes, and costs nothing but its figures where it cannot."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import KEY, dense
from tflite_api.resource.budget import Benchmarking
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.status import MOST_SLOW_OPERATORS, OPERATOR_CHARACTERS
from tflite_converter.budget import benchmark, operators
from tflite_converter.budget.benchmark import Subject
from tflite_converter.budget.latency import Effort
from tflite_converter.worker import process

QUICK = Effort(warm_up_runs=1, warm_up_seconds=0, runs=5, seconds=0, most_runs=5, turn_runs=5)
SAID = """
================ Run Order ================
              [node type]    [start]    [first]   [avg ms]        [%]     [cdf%]   [mem KB] [times called]   [Name]
                  CONV_2D      0.000      0.028      9.607    99.457%    94.478%      0.000            100   [Builtin]:1

================ Summary by node type ================
                                          [Node type]    [count]   [avg ms]    [avg %]    [cdf %]   [mem KB] [times]
             Delegate/Convolution (NHWC, QC8) DWConv          3      0.037    36.459%    36.459%      0.000    300
       Delegate/Fully Connected (NC, QS8, QC8W) GEMM          4      0.019    24.598%    91.383%      0.000    400
                                             SOFTMAX          1      0.001     2.200%   100.000%      0.000    100
                        Delegate/Static Reshape (NC)          1      0.000     0.900%   100.000%      0.000    100

================ Delegate Statistics ================
Op Name                          Count    Avg(us)    Min(us)    Max(us)  Total(us)
Delegate/Convert (NC)              200       7.25 99% 1
"""


def test_a_summary_is_read_from_the_table_of_kinds() -> None:
    assert [(one.name, one.share) for one in operators.told(SAID)] == [
        ("Convolution (NHWC, QC8) DWConv", "0.365"),
        ("Fully Connected (NC, QS8, QC8W) GEMM", "0.246"),
        ("SOFTMAX", "0.022"),
    ]


def test_of_many_kinds_the_slowest_are_told_and_a_long_name_is_cut() -> None:
    rows = "\n".join(f"  {'N' * 90}{number}\x1b[2J  1  0.1  {20 - number}.0%  1%" for number in range(9))
    found = operators.told(f"== Summary by node type ==\n{rows}\n\n")
    assert len(found) == MOST_SLOW_OPERATORS
    assert all(len(one.name) == OPERATOR_CHARACTERS and one.name.isprintable() for one in found)
    assert operators.told("nothing of the kind") == ()


@pytest.mark.parametrize("shape", [(1, 64), (7, 64)], ids=str)
def test_the_profiler_looks_at_an_artifact_as_it_runs(tmp_path: Path, shape: tuple[int, ...]) -> None:
    artifact = tmp_path / "dense.tflite"
    artifact.write_bytes(dense(3))
    found = operators.slowest(artifact, 2, KEY, {"x": np.ones(shape, np.float32)})
    assert found
    assert any("Fully Connected" in one.name for one in found)
    assert sum(float(one.share) for one in found) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(
    "code",
    ["import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "raise SystemExit('LiteRtRun: status 3')", "pass"],
)
def test_what_ends_the_profiler_costs_its_figures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    artifact = tmp_path / "dense.tflite"
    artifact.write_bytes(dense(1))
    monkeypatch.setattr(process, "command", lambda _: [sys.executable, "-c", code])
    subject = Subject(
        artifact=artifact,
        samples={KEY: {"x": np.ones((1, 64), np.float32)}},
        quantization=Quantization(),
        floats=lambda: artifact,
        effort=QUICK,
    )
    found = benchmark.measure(subject, Benchmarking(threads=1))
    assert found.operators is None
    assert found.p90_milliseconds is not None


def test_a_profiler_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = tmp_path / "dense.tflite"
    artifact.write_bytes(dense(1))

    def late(*_: Any, timeout: float, **__: Any) -> None:
        raise subprocess.TimeoutExpired("profiler", timeout)

    monkeypatch.setattr(subprocess, "run", late)
    assert operators.slowest(artifact, 1, KEY, {"x": np.ones((1, 64), np.float32)}) is None
