"""Reading resources for a run without a cluster."""

from pathlib import Path

import pytest

from tflite_api.reasons import Reason
from tflite_converter.cli.manifest import read
from tflite_converter.core.failure import StepFailure

GOOD = """\
apiVersion: tflite-operator.dev/v1alpha1
kind: TFLiteConversion
metadata: {name: NAME}
spec:
  model: {handle: "file:///models/a"}
"""


def write(tmp_path: Path, *texts: str) -> Path:
    path = tmp_path / "conversion.yaml"
    path.write_text("\n---\n".join(texts))
    return path


def test_a_destination_may_be_absent_and_a_handle_local(tmp_path: Path) -> None:
    [conversion] = read(write(tmp_path, GOOD.replace("NAME", "a"))).conversions
    assert (conversion.spec.model.handle, conversion.spec.destination) == ("file:///models/a", None)
    assert conversion.spec.min_snr_decibels == 60


def test_a_destination_that_is_there_needs_credentials_as_in_the_cluster(tmp_path: Path) -> None:
    there = GOOD.replace("NAME", "a") + "  destination: {s3: {bucket: models, key: a.tflite}}\n"
    with pytest.raises(StepFailure, match=r"set destination\.s3\.secretRef, or serviceAccountName"):
        read(write(tmp_path, there))
    [conversion] = read(write(tmp_path, there + "  serviceAccountName: uploader\n")).conversions
    assert conversion.spec.service_account_name == "uploader"


def test_a_volume_is_not_within_reach_and_another_source_is(tmp_path: Path) -> None:
    def of(model: str) -> str:
        return GOOD.replace("NAME", "a").replace('{handle: "file:///models/a"}', model)

    with pytest.raises(StepFailure, match=r"spec\.model: volume is a claim in a cluster: .* file:///"):
        read(write(tmp_path, of("{volume: {claimName: models}}")))
    [conversion] = read(write(tmp_path, of("{kaggle: {handle: a/b/tensorFlow2/c}}"))).conversions
    assert conversion.spec.model.source.address == "a/b/tensorFlow2/c"


def test_resources_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    found = read(write(tmp_path, GOOD.replace("NAME", "a"), "kind: Secret", "", GOOD.replace("NAME", "b")))
    assert [conversion.metadata.name for conversion in found.conversions] == ["a", "b"]
    assert found.skipped == ("Secret",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "no valid YAML"),
        ("[" * 5000, "no valid YAML"),
        ("just words", "no Kubernetes resource"),
        ("kind: Secret", "holds no TFLiteConversion"),
        ("", "holds no TFLiteConversion"),
        (GOOD.replace("NAME", "../up"), "metadata.name"),
        (GOOD.replace("NAME", "a").replace("v1alpha1", "v2"), "apiVersion"),
        (GOOD.replace("NAME", "a").replace("file:///models/a", "s3://models/a"), "spec.model.handle"),
        (GOOD.replace("NAME", "a") + "  quantization: {type: Int3}", "spec.quantization.type"),
        (GOOD.replace("NAME", "a") + "  quantisation: {type: None}", "spec.quantisation"),
        (GOOD.replace("NAME", "a") + "\n---\n" + GOOD.replace("NAME", "a"), "two conversions named a"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(StepFailure, match=words.replace(".", r"\.")) as caught:
        read(write(tmp_path, text))
    assert caught.value.reason is Reason.INVALID_SPEC


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepFailure, match="absent"):
        read(tmp_path / "absent.yaml")
