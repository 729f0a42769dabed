"""The published artifact is measured on the samples of the new one, in a process of its own, or refused in words."""

import hashlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.convert.test_conversion import convert
from tests.unit.converter.convert.verified.test_metrics import asked
from tflite_api.reasons import Reason
from tflite_api.resource.status import Baseline
from tflite_api.steps.step import ConvertedModel
from tflite_converter.core.failure import StepFailure
from tflite_converter.worker import process

pytestmark = pytest.mark.tensorflow

EXAMPLES = 40
PROMOTED = {"maxDrop": "0.01", "baseline": "Published"}


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of models of the same weights that differ in what a user would not think of as differing."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("family")
    weights = tf.random.stateless_normal([8, 4], seed=(1, 2))

    def save(name: str, body: Callable[[Any, Any], Any], given: str = "x", size: int | None = None) -> None:
        module = tf.Module()
        module.weights, module.count = tf.Variable(weights), tf.Variable(0.0)
        spec = tf.TensorSpec([size, 8], tf.float32, name=given)
        function = tf.function(lambda x: body(module, x))
        tf.saved_model.save(module, str(folder / name), signatures=function.get_concrete_function(spec))

    save("good", lambda module, x: {"y": x @ module.weights})
    save("renamed", lambda module, x: {"dense_7": x @ module.weights}, given="input_2")
    save("worse", lambda module, x: {"y": -(x @ module.weights)})
    save("wide", lambda module, x: {"y": tf.concat([x @ module.weights, x[:, :2] - 9], axis=1)})
    save("whole", lambda module, x: {"y": tf.cast(x @ module.weights, tf.int32)})
    save("two", lambda module, x: {"z": x @ module.weights, "other": x})
    save("pinned", lambda module, x: {"y": x @ module.weights}, size=8)
    save("nan", lambda module, x: {"y": x @ module.weights + 0 * tf.math.sqrt(x[:, :1])})
    save("random", lambda module, x: {"y": x @ module.weights + tf.random.normal([4])})
    save("counter", lambda module, x: {"y": x @ module.weights + 0 * module.count.assign_add(1.0)})
    inputs = np.random.default_rng(5).normal(0, 1, (EXAMPLES, 8)).astype(np.float32)
    labels = (inputs @ weights.numpy()).argmax(axis=1)
    labels[:4] = (labels[:4] + 1) % 4
    for name in ("x", "input_2"):
        np.savez(folder / f"{name}.npz", **{name: inputs, "label": labels})
    return folder


def measured(
    family: Path,
    model: str,
    tmp_path: Path,
    published: Path | None,
    kind: str = "None",
    given: str = "x",
    output: str = "y",
    **settings: Any,
) -> ConvertedModel:
    fetched = None
    if published is not None:
        digest = hashlib.sha256(published.read_bytes()).hexdigest()
        fetched = {"path": str(published), "sha256": settings.pop("sha256", digest)}
    dataset = {"path": str(family / f"{given}.npz"), "digest": f"sha256:{'0' * 64}"}
    changes = asked("Top1Accuracy", gate=0, output=output, **{**PROMOTED, **settings})
    found: ConvertedModel = convert(
        family / model,
        tmp_path,
        datasets={"verification": dataset, "published": fetched},
        quantization={"type": kind},
        **changes,
    )
    return found


@pytest.fixture(scope="session")
def artifacts(family: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return what was published of each, by name."""
    import tensorflow as tf

    folder, found = tmp_path_factory.mktemp("published"), {}
    for path in (path for path in family.iterdir() if path.is_dir()):
        found[path.name] = folder / f"{path.name}.tflite"
        found[path.name].write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(path)).convert())
    found["cut"], found["rubbish"] = folder / "cut.tflite", folder / "rubbish.tflite"
    found["cut"].write_bytes(found["good"].read_bytes()[:600])
    found["rubbish"].write_bytes(b"\x1c\0\0\0TFL3" + bytes(range(256)) * 8)
    return found


@pytest.mark.parametrize("kind", ["None", "DynamicRange"])
@pytest.mark.parametrize("published", ["good", "renamed", "counter"])
def test_an_artifact_is_held_against_what_is_published(
    family: Path, artifacts: dict[str, Path], tmp_path: Path, published: str, kind: str
) -> None:
    """Another name of the only input or output makes no difference, and neither does the way it was made."""
    converted = measured(family, "good", tmp_path, artifacts[published], kind, maxDrop="1")
    assert converted.verification is not None
    (found,) = converted.verification.metrics or ()
    assert found.baseline is not None
    assert (found.baseline.value, found.model.value) == ("0.9", "0.9")
    assert converted.verification.baseline == Baseline(
        source="Published", sha256=hashlib.sha256(artifacts[published].read_bytes()).hexdigest()
    )
    assert converted.verdict is Reason.METRICS_SUFFICIENT


def test_a_worse_model_is_not_promoted(family: Path, artifacts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(StepFailure, match="The model itself is that much worse") as caught:
        measured(family, "worse", tmp_path, artifacts["good"])
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    assert not (tmp_path / "output" / "converted.json").exists()


def test_a_better_model_is_promoted_whatever_its_own_baseline(
    family: Path, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    converted = measured(family, "renamed", tmp_path, artifacts["worse"], given="input_2", output="dense_7")
    assert "Top1Accuracy of dense_7 0.9 (published 0" in converted.message


def test_what_keeps_state_is_run_in_the_turns_of_its_model(
    family: Path, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    converted = measured(family, "counter", tmp_path, artifacts["good"])
    assert "(published 0.9, model 0.9)" in converted.message
    assert "40 calls in a row" in converted.message


def test_the_same_file_is_not_run_again(family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured(family, "good", tmp_path, None)
    published = tmp_path / "published.tflite"
    published.write_bytes((tmp_path / "output" / "model.tflite").read_bytes())
    monkeypatch.setattr(process, "command", lambda _: pytest.fail("it was run"))
    converted = measured(family, "good", tmp_path, published)
    assert converted.message.endswith("the published artifact is the same file")


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ("wide", "its output y is float32 [1, 6], and the new model's float32 [1, 4]"),
        ("whole", "its output y is int32 [1, 4], and the new model's float32 [1, 4]"),
        ("two", "it has no output y, but only other, z"),
        ("pinned", "it takes x: float32 [8, 8], and the new one x: float32 [-1, 8]"),
        ("nan", "it gives infinities or NaN on the samples of verification.samples"),
        ("random", "it draws random numbers: it uses RANDOM_STANDARD_NORMAL"),
        ("cut", "it cannot be read as a flatbuffer"),
        ("rubbish", "it cannot be read as a flatbuffer"),
    ],
)
def test_a_published_artifact_that_cannot_be_measured_is_refused(
    family: Path, artifacts: dict[str, Path], tmp_path: Path, published: str, words: str
) -> None:
    with pytest.raises(StepFailure) as caught:
        measured(family, "good", tmp_path, artifacts[published])
    assert caught.value.reason is Reason.BASELINE_UNUSABLE
    assert caught.value.message.startswith("The published artifact cannot be the baseline: ")
    assert words in caught.value.message
    assert "Publish under another key, or leave out baseline: Published" in caught.value.message
    assert caught.value.signature is not None


def test_a_published_artifact_that_was_changed_on_its_way_is_refused(
    family: Path, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(StepFailure, match="it was changed after it was fetched"):
        measured(family, "good", tmp_path, artifacts["worse"], sha256="0" * 64)


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (f"os.kill(os.getpid(), {int(signal.SIGSEGV)})", Reason.BASELINE_UNUSABLE, "running it ended by SIGSEGV"),
        (f"os.kill(os.getpid(), {int(signal.SIGKILL)})", Reason.OUT_OF_MEMORY, "more memory than there is"),
        ("pass", Reason.BASELINE_UNUSABLE, "running it left no figures"),
    ],
)
def test_the_death_of_a_published_artifact_is_its_own(
    family: Path,
    artifacts: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    reason: Reason,
    words: str,
) -> None:
    monkeypatch.setattr(process, "command", lambda _: [sys.executable, "-c", f"import os; {body}"])
    with pytest.raises(StepFailure, match=words) as caught:
        measured(family, "good", tmp_path, artifacts["worse"])
    assert caught.value.reason is reason


def test_a_refusal_is_taken_for_no_bug(
    family: Path, artifacts: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", lambda _: [sys.executable, "-c", "raise KeyError"])
    with pytest.raises(RuntimeError, match="ended with 1"):
        measured(family, "good", tmp_path, artifacts["worse"])
    forged = "import json, sys; order = json.load(sys.stdin); open(order['refusal'], 'w').write('[]'); sys.exit(3)"
    monkeypatch.setattr(process, "command", lambda _: [sys.executable, "-c", forged])
    with pytest.raises(ValueError, match=r"refusal\.json is malformed"):
        measured(family, "good", tmp_path, artifacts["worse"])


def test_metrics_of_the_model_alone_are_none_of_the_published_one_s(
    family: Path, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    converted = measured(family, "good", tmp_path, artifacts["rubbish"], baseline="Model")
    assert converted.verification is not None
    assert converted.verification.baseline is None
    assert "baseline" not in json.dumps(converted.to_object())


def test_what_cannot_be_measured_replaces_nothing_but_itself(
    family: Path, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(StepFailure) as caught:
        measured(family, "random", tmp_path, artifacts["good"])
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    assert caught.value.is_final
    assert caught.value.message == (
        "The model itself gives other outputs when it runs again, so Top1Accuracy of y cannot be measured, but"
        " verification.metrics[0] asks for a drop of at most 0.01 from what is published. Publish under another key,"
        " or leave out baseline: Published to replace it unmeasured"
    )
    published = tmp_path / "published.tflite"
    for same in (None, published):
        found = measured(family, "random", tmp_path, same)
        assert found.verdict is Reason.NON_DETERMINISTIC
        assert "so the metrics of verification.metrics are not measured" in found.message
        published.write_bytes((tmp_path / "output" / "model.tflite").read_bytes())
