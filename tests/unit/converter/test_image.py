"""The image's environment, which lacks what converter_image/unneeded.toml names, does all that converting takes."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from dev.building import unneeded
from tests.unit import image_environment
from tests.unit.converter import exported_models
from tests.unit.converter.report.test_page import Elements
from tflite_api.resource.quantization_types import FIXED

ROOT = image_environment.ROOT


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_environment.slim("converter", tmp_path_factory.mktemp("image"))


def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    done = subprocess.run([python, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    for save in (exported_models.convolutional, exported_models.trained_by_keras_2):
        save(folder / save.__name__)
    return folder


@pytest.mark.tensorflow
def test_it_converts_to_every_type_asks_buckets_signs_and_lacks_nothing_that_is_imported_anywhere(
    python: Path, exported: Path, tmp_path: Path
) -> None:
    done = run(python, "-m", "tests.unit.converter.image_driver", str(exported), str(tmp_path))
    found = json.loads(done.stdout.splitlines()[-1])
    kinds = {*FIXED, "Keras 2"}
    assert {kind: found.pop(kind) for kind in sorted(kinds)} == dict.fromkeys(sorted(kinds), "ReportOnly")
    assert found == {"hub": True, "listed": "model.tflite", "attestation": "valid", "missing": []}


@pytest.mark.tensorflow
def test_it_makes_a_report_with_the_debuggers_figures(python: Path, exported: Path, tmp_path: Path) -> None:
    model = {"handle": (exported / "convolutional").as_uri()}
    conversion = {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {"name": "test"},
        "spec": {"model": model, "quantization": {"type": "Int8", "calibration": {"synthetic": True}}},
    }
    (tmp_path / "conversion.yaml").write_text(json.dumps(conversion))
    arguments = ("-f", str(tmp_path / "conversion.yaml"), "--output", str(tmp_path / "out"), "--report")
    run(python, "-m", "tflite_converter", "run", *arguments)
    text = Elements((tmp_path / "out" / "report.html").read_text()).text
    assert "quantization debugger, on" in text


def test_every_entry_of_its_list_fits_what_is_installed(python: Path) -> None:
    """An entry of packages or paths that fits nothing would have ended the fixture."""
    listed = image_environment.listed("converter")
    assert len(unneeded.libraries(listed, image_environment.site_packages(python))) > len(listed.stripped)
