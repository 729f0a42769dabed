"""The labelled data of the benchmark are the same each time, and its table shows what a run says."""

import gzip
import json
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.labelled import __main__ as table
from bench.labelled import data, models
from tflite_api.resource.quantization_types import QuantizationType

DIGITS, TABLE, WORDS = models.TASKS


def test_digits_are_read_from_the_wheel_of_scikit_learn(tmp_path: Path) -> None:
    rows = np.zeros((1797, 65))
    rows[:, 0], rows[:, 64] = 16, np.arange(1797) % 10
    lines = "\n".join(",".join(f"{number:g}" for number in row) for row in rows)
    with zipfile.ZipFile(tmp_path / "scikit_learn.whl", "w") as wheel:
        wheel.writestr("sklearn/datasets/data/digits.csv.gz", gzip.compress(lines.encode()))
    found = data.digits(tmp_path / "scikit_learn.whl")
    assert (found.test[0].shape, found.train[0].shape) == ((900, 8, 8, 1), (897, 8, 8, 1))
    assert found.test[0].max() == 1
    assert set(found.test[1]) == set(range(10))


def test_without_scikit_learn_it_is_said_where_the_digits_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(FileNotFoundError, match="pip download --no-deps scikit-learn"):
        data.digits(None)


@pytest.mark.parametrize(("made", "shape"), [(data.table, (2000, 10)), (data.words, (1000, 49, 40, 1))])
def test_made_data_are_the_same_each_time(made: Any, shape: tuple[int, ...]) -> None:
    once, again = made(), made()
    assert once.test[0].shape == shape
    assert np.isfinite(once.test[0]).all()
    assert (once.test[0] == again.test[0]).all()
    assert (once.train[1] == again.train[1]).all()


def estimate(value: str) -> dict[str, str]:
    return {"value": value, "low": "0", "high": "1"}


def test_a_line_says_what_a_type_costs_and_saves() -> None:
    metric = {"model": estimate("0.9"), "artifact": estimate("0.85"), "drop": estimate("0.05")}
    found = {
        "artifact": {"sizeBytes": 250},
        "verification": {"snrDecibels": "30.0", "metrics": [metric]},
    }
    line = table.line(DIGITS, QuantizationType.INT8, found, [1000])
    assert line[1:5] == ("Int8", "250", "25 %", "Top1Accuracy")
    assert line[5:] == ("0.9 [0 to 1]", "0.85 [0 to 1]", "0.05 [0 to 1]", "30.0")
    failed = table.line(TABLE, QuantizationType.INT8, {"reason": "R", "message": "why"}, [1000])
    assert failed[7] == "R: why"


@pytest.mark.parametrize(
    ("kept", "trials", "words"),
    [
        ({}, 1, "Auto, drop at most 0.01: Int8, the only trial"),
        ({"keepFloat": {"tensors": ["a"]}}, 3, "Auto, drop at most 0.01: Int8 with 1 layer kept, of 3 trials"),
        ({"keepInt8": {"tensors": ["a", "b"]}}, 8, "Auto, drop at most 0.01: Int8 with 2 layers kept, of 8 trials"),
    ],
)
def test_a_line_says_what_a_search_came_to(kept: dict[str, Any], trials: int, words: str) -> None:
    metric = {name: estimate("0.9") for name in ("model", "artifact", "drop")}
    found = {
        "artifact": {"sizeBytes": 250},
        "verification": {"snrDecibels": "30.0", "metrics": [metric]},
        "quantization": {"type": "Int8", **kept},
        "trials": [{}] * trials,
    }
    assert table.line(DIGITS, QuantizationType.AUTO, found, [1000])[1] == words


def test_a_search_is_asked_to_keep_what_the_user_would_not_give_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = {}

    def run(command: list[str], **_: Any) -> None:
        file, made = (Path(command[command.index(flag) + 1]) for flag in ("-f", "-o"))
        spec = json.loads(file.read_text())["spec"]
        asked[spec["quantization"]["type"]] = spec
        made.mkdir()
        (made / "result.json").write_text("{}")

    monkeypatch.setattr("bench.labelled.__main__.subprocess.run", run)
    for kind in (QuantizationType.FLOAT16, QuantizationType.AUTO):
        table.converted(TABLE, "y", kind, tmp_path)
    assert "calibration" in asked["Auto"]["quantization"]
    assert "calibration" not in asked["Float16"]["quantization"]
    drops = {kind: spec["verification"]["metrics"][0].get("maxDrop") for kind, spec in asked.items()}
    assert drops == {"Float16": None, "Auto": "0.05"}
