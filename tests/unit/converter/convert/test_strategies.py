"""Each kind of model that the plain way cannot convert comes out measured, and says how."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_api.steps.step import ConvertedModel
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow


def exported(save: Callable[..., None], tmp_path: Path, **how: Any) -> Path:
    folder = tmp_path / "model"
    save(folder, **how)
    return folder


def verified(model: Path, tmp_path: Path, **changes: Any) -> ConvertedModel:
    converted: ConvertedModel = convert(model, tmp_path, **changes)
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message
    return converted


def inputs(converted: ConvertedModel) -> dict[str, list[int]]:
    return {tensor.name: list(tensor.shape) for tensor in converted.signature.inputs}


def outputs(converted: ConvertedModel) -> set[str]:
    return {tensor.name for tensor in converted.signature.outputs}


def test_a_recurrent_model_gets_a_batch_of_one_and_says_so(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.recurrent, tmp_path), tmp_path)
    assert converted.strategy == "SingleBatch"
    assert "batch is fixed at 1" in converted.message
    assert [shape[0] for shape in inputs(converted).values()] == [1]


def test_a_keras_3_model_keeps_its_weights(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.keras_saved_raw, tmp_path), tmp_path)
    assert converted.strategy == "Plain"


@pytest.mark.parametrize("how", [{}, {"tags": ()}, {"tags": ("gpu", "half")}, {"device": "/device:GPU:0"}])
def test_a_tensorflow_1_graph_is_run_in_a_session_whatever_its_tags_names_and_devices(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    converted = verified(exported(exported_models.reference_variables, tmp_path, **how), tmp_path)
    assert converted.strategy == "Session"
    assert inputs(converted) == {"x:0": [-1, 4]}
    assert outputs(converted) == {"scores/y"}


def test_two_names_for_one_tensor_both_stay(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.duplicate_inputs, tmp_path), tmp_path)
    assert inputs(converted) == {"x": [-1, 4], "images": [-1, 4]}
    assert outputs(converted) == {"y", "scores"}


def test_an_input_in_the_middle_of_a_graph_cuts_off_what_comes_before(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.fed_in_the_middle, tmp_path), tmp_path)
    assert (inputs(converted), outputs(converted)) == ({"x": [-1, 1]}, {"y"})


def test_references_are_taken_for_the_values_of_their_variable(tmp_path: Path) -> None:
    model = exported(exported_models.counter, tmp_path)
    with pytest.raises(StepFailure, match=r"get has no inputs; increase has no inputs. Choose get with signature\.key"):
        convert(model, tmp_path)
    assert verified(model, tmp_path, signature={"key": "get"}).signature.outputs[0].dtype == "float32"


def test_a_model_without_signatures_is_called(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.without_signatures, tmp_path), tmp_path)
    assert (converted.signature.key, converted.strategy) == ("serving_default", "Call")
    assert inputs(converted) == {"images": [-1, 4]}
    assert outputs(converted) == {"scores"}


def test_without_a_default_every_signature_that_can_be_converted_goes_into_the_file(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.several_signatures, tmp_path), tmp_path)
    keys = [converted.signature.key, *(other.key for other in converted.additional_signatures or ())]
    assert keys == ["encode", "score"]
    assert converted.verification is not None
    assert {output.name for output in converted.verification.outputs or ()} == {"score/score", "encode/code"}


def test_asked_signatures_share_a_file(tmp_path: Path) -> None:
    model = exported(exported_models.several_signatures, tmp_path)
    both = verified(model, tmp_path, signature={"keys": ["score", "encode"]})
    assert both.signature.key == "score"
    size = (tmp_path / "output" / "model.tflite").stat().st_size
    verified(model, tmp_path, signature={"key": "encode"})
    assert size < 1.5 * (tmp_path / "output" / "model.tflite").stat().st_size, "the weights are there twice"


def test_of_a_policy_the_action_is_converted_with_its_names(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.policy, tmp_path), tmp_path)
    assert converted.signature.key == "action"
    assert set(inputs(converted)) == {"0/step_type", "0/reward", "0/discount", "0/observation"}


def test_a_function_pinned_to_a_gpu_runs_here(tmp_path: Path) -> None:
    assert verified(exported(exported_models.pinned_to_gpu, tmp_path), tmp_path).strategy == "Plain"


def test_flexible_sizes_stay_flexible_and_are_measured_at_two(tmp_path: Path) -> None:
    converted = verified(exported(exported_models.flexible_image, tmp_path), tmp_path)
    assert inputs(converted) == {"image": [-1, -1, -1, 3]}
    assert " and " in converted.message.rpartition("measured with")[2]


def test_select_tf_is_used_only_where_allowed_and_never_called_verified(tmp_path: Path) -> None:
    model = exported(exported_models.beyond_litert, tmp_path)
    with pytest.raises(StepFailure, match=r"MaxPool3D.*ops\.selectTF: true") as caught:
        convert(model, tmp_path)
    assert caught.value.reason is Reason.UNSUPPORTED_OPERATION
    converted = convert(model, tmp_path, selectTf=True)
    assert (converted.verdict, converted.strategy) == (Reason.SELECT_TF, "SelectTF")
    assert "MaxPool3D" in converted.message
    assert converted.verification is None


def spectrogram(tf: Any, weights: Any, sound: Any) -> dict[str, Any]:
    spectrum = tf.raw_ops.AudioSpectrogram(input=sound, window_size=256, stride=128, magnitude_squared=True)
    features = tf.raw_ops.Mfcc(spectrogram=spectrum, sample_rate=16000, dct_coefficient_count=10)
    return {"y": tf.reduce_mean(features, 1) @ weights(10, 3)}


def test_what_litert_has_as_custom_operators_is_converted_as_such(tmp_path: Path) -> None:
    save(spectrogram, tmp_path / "model", sound=([1024, 1], "float32"))
    for kind, least in (("None", 60), ("DynamicRange", 15)):
        converted = verified(tmp_path / "model", tmp_path, quantization={"type": kind}, minSnrDecibels=least)
        assert converted.strategy.startswith("CustomOperators"), kind
        assert "custom operators" in converted.message


@pytest.mark.parametrize(("kind", "named"), [("Int8", "AudioSpectrogram, Mfcc"), ("Int16x8", "CUSTOM")])
def test_custom_operators_have_no_integers_and_another_type_is_named(tmp_path: Path, kind: str, named: str) -> None:
    save(spectrogram, tmp_path / "model", sound=([1024, 1], "float32"))
    with pytest.raises(StepFailure) as caught:
        convert(tmp_path / "model", tmp_path, quantization={"type": kind, "calibration": {"synthetic": True}})
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert named in caught.value.message
    assert "use quantization.type DynamicRange" in caught.value.message


def test_beside_what_is_lacking_for_sure_they_are_not_allowed(tmp_path: Path) -> None:
    def with_sine(tf: Any, weights: Any, sound: Any) -> dict[str, Any]:
        return {"y": tf.math.sinh(spectrogram(tf, weights, sound)["y"])}

    save(with_sine, tmp_path / "model", sound=([1024, 1], "float32"))
    with pytest.raises(StepFailure, match="Sinh") as caught:
        convert(tmp_path / "model", tmp_path)
    assert caught.value.reason is Reason.UNSUPPORTED_OPERATION
