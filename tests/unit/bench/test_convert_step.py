"""What the benchmark of the convert step makes of the step's own log."""

import json
from pathlib import Path

import pytest

from bench.convert_step import _phases


def test_the_time_of_each_phase_is_that_until_the_next_and_what_is_left_passes_before_the_first(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    told = [("Reading the model", 10), ("Fetching", 11), ("Running the model", 12), ("Converting", 15)]
    lines = [{"time": f"2026-01-01T00:00:{second}Z", "message": message} for message, second in told]
    lines.append({"time": "2026-01-01T00:00:19Z", "message": "Converted: done", "step": "convert"})
    log.write_text("TensorFlow's own words\n" + "\n".join(map(json.dumps, lines)))
    found = _phases(log, whole=11.5)
    assert found == pytest.approx({"Reading the model": 2, "Running the model": 3, "Converting": 4, "Start": 2.5})
