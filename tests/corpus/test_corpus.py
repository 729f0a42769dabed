"""Other people's real models: each ends as a measured artifact or with a reason that has a name."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tflite_api.reasons import Outcome, Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.local_spec import LocalModelSource
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.inspection import fetch
from tflite_converter.model import operations

CORPUS = Path(os.environ.get("TFLITE_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
MODELS = [
    "spotify__basic-pitch__1",
    "mlcommons__tiny__1",
    "tensorflow__tfjs__1",
    "xizhonghua__fsr__1",
    "iteam1__predict-series-data-with-RNN__1",
    "eriklandmark__gesture-recognition__1",
    "shawpan__test_tf__1",
    "tensorflow__serving__2",
]

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set TFLITE_CORPUS to a folder of SavedModel archives"),
]


@pytest.mark.parametrize("model", MODELS)
def test_a_real_model_is_verified_or_refused_by_name(model: str, tmp_path: Path) -> None:
    archive = CORPUS / f"{model}.tar.gz"
    if not archive.is_file():
        pytest.skip(f"no {archive.name} in the corpus")
    resource = {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {"name": "corpus"},
        "spec": {"model": {"handle": archive.resolve().as_uri()}},
    }
    (tmp_path / "conversion.yaml").write_text(json.dumps(resource))
    command = [sys.executable, "-m", "tflite_converter", "run", "-f", str(tmp_path / "conversion.yaml")]
    done = subprocess.run([*command, "--output", str(tmp_path / "out")], capture_output=True, text=True, check=False)
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    _check_inspection(archive, result)
    if done.returncode == 0:
        assert (result["reason"], result["verdict"]) == ("Converted", "SNRSufficient"), done.stderr
        assert float(result["verification"]["snrDecibels"]) >= 60
        assert (tmp_path / "out" / "model.tflite").read_bytes()[4:8] == b"TFL3"
    else:
        reason = Reason(result["reason"])
        assert (done.returncode, reason.outcome) == (3, Outcome.STALLED), done.stderr
        assert reason is not Reason.INTERNAL_ERROR, done.stderr
        assert result["message"]
        assert not (tmp_path / "out" / "model.tflite").exists()


def _check_inspection(archive: Path, result: dict[str, Any]) -> None:
    """Compare what inspection says with the result of the conversion."""
    source = LocalModelSource(handle=archive.resolve().as_uri())
    found = fetch.inspect(source, FetchLimits(), LoggedProgress())
    if found.verdict.outcome == "Refused":
        assert (found.verdict.reason, found.verdict.message) == (result["reason"], result["message"])
    elif result["outcome"] == "SUCCESS":
        taken = [one for graph in found.graphs for one in graph.signatures if one.converted]
        assert result["signature"]["key"] in {one.key for one in taken}
        assert not any(operations.known_lacking(one.operations) for one in taken)
        assert set(taken[0].strategies) <= set(result["provenance"]["strategy"].split("+"))
    else:
        # Only trying tells what LiteRT and its converter lack; all else is seen before.
        assert result["reason"] in {"UnsupportedOperation", "ConversionFailed"}
