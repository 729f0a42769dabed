"""What the steps find is said in the status as docs/reasons.md shows it."""

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import SSLError

from tests.attacks.hostile_models import FORGED_REPORT
from tests.examples import is_like_the_example
from tests.unit.converter import exported_models
from tests.unit.converter.budget import test_size
from tests.unit.converter.convert import test_conversion
from tests.unit.converter.convert.verified import test_metrics
from tests.unit.converter.datasets import test_reader
from tests.unit.converter.fetch.archive import archives
from tests.unit.converter.fetch.web_server import serving
from tests.unit.converter.search import test_unreachable
from tests.unit.converter.signing import attestations, signing_keys
from tests.unit.converter.steps.store import buckets, test_cleanup, test_destination, test_promotion
from tests.unit.converter.steps.store.test_destination import answered
from tests.unit.converter.storage import test_object_metadata
from tests.unit.converter.targets import test_judgement
from tests.unit.converter.worker import test_supervisor
from tests.unit.operator.builders import failed, failing_pod, job, message, planned, report, started, succeeded_pod
from tflite_api.explanations import explained
from tflite_api.names import SIGNING_KEY_ENV, STEPS
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.metadata import ModelMetadata
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.steps.step import FetchLimits, StepResult, exit_code
from tflite_api.steps.step_reasons import STEP_REASONS
from tflite_converter.artifact import metadata
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.fetch import fetched, http
from tflite_converter.fetch.fetched import Pin
from tflite_converter.signing import attest
from tflite_converter.steps.accept import Asked, accept
from tflite_converter.steps.destination import failure_of, location_of
from tflite_converter.steps.runner import guarded
from tflite_converter.storage import object_metadata
from tflite_converter.storage.answers.connections import of_connection
from tflite_converter.storage.object_metadata import Owner
from tflite_converter.storage.store import Server
from tflite_converter.verify import gate
from tflite_converter.verify.gate import Circumstances
from tflite_converter.verify.measurement import Measurement
from tflite_converter.verify.metrics import Verdict

LOCAL = FetchLimits(allow_local_addresses=True)
SYNTHETIC = {"synthetic": True, "maxSamples": 10}
MODEL = http.model("model.handle")
CLASSIFIER = SignatureFacts("serving_default", (), (TensorFacts("scores", "float32", (-1, 3)),))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


class Place:
    """Where a reason is brought about."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder, self.server = folder, server

    def download(self, path: str, limits: FetchLimits = LOCAL, subject: http.Subject = MODEL) -> object:
        return http.fetch(f"{self.server}/{path}", self.folder / "target", limits, LoggedProgress(), subject)

    def dataset(self, path: str, limits: FetchLimits = LOCAL) -> object:
        return self.download(path, limits, http.dataset("quantization.calibration.dataset"))

    def samples(self, **arrays: Any) -> object:
        return test_reader.read(test_reader.npz(self.folder, **arrays), test_reader.VECTOR)

    def unpack(self, *members: archives.Member) -> object:
        return archives.unpacked(self.folder, archives.pack(*members))

    def folder_without_model(self) -> object:
        (self.folder / "README.md").touch()
        return fetched.find_saved_model(self.folder, "model.handle")

    def another_model(self) -> object:
        (self.folder / "saved_model.pb").touch()
        return fetched.accept(self.folder, Pin("model.handle", "0" * 64), "1" * 64)

    def publish(self) -> object:
        (self.folder / "model.tflite").write_bytes(b"\x7fELF")
        (self.folder / "converted.json").write_text(json.dumps(FORGED_REPORT))
        with accept(self.folder, Asked(60)) as accepted:
            return accepted

    def crash(self) -> object:
        raise test_supervisor.failure("print('Fatal error', flush=True); os.abort()")


def say(failure: StepFailure) -> object:
    raise failure


def reused(folder: Path) -> StepResult:
    asked = buckets.request(attestation=None)
    found = buckets.again(asked, buckets.published(asked, folder), folder).reused
    assert found is not None
    return found


def wrong_labels() -> None:
    said = ModelMetadata.from_object({"outputs": [{"name": "scores", "labels": ["cat", "dog"]}]})
    metadata.check(said, CLASSIFIER.key, CLASSIFIER)


def judged(noise: float, asked: int) -> Verdict:
    measured = Measurement()
    measured.add({"scores": np.ones(100)}, {"scores": np.full(100, 1 + noise)})
    return gate.judge(measured, asked, Circumstances())


def unforeseen() -> StepResult:
    def work(_: object) -> StepResult:
        raise KeyError("x")

    return guarded(work)


EXAMPLES: dict[Reason, Callable[[Place], Any]] = {
    Reason.ARTIFACT_DELETED: lambda _: test_cleanup.cleaned(
        test_cleanup.bucket_of(test_object_metadata.stored(test_cleanup.OURS))
    ),
    Reason.REUSED: lambda place: reused(place.folder),
    Reason.INVALID_SPEC: lambda _: say(answered("AuthorizationHeaderMalformed", 400)),
    Reason.MODEL_NOT_FOUND: lambda place: place.download("status/404"),
    Reason.MODEL_ACCESS_DENIED: lambda place: place.download("status/403"),
    Reason.MODEL_UNAVAILABLE: lambda place: place.download("status/503"),
    Reason.ADDRESS_REFUSED: lambda place: place.download("model", FetchLimits()),
    Reason.MODEL_TOO_LARGE: lambda place: place.download("chunked", replaced(max_archive_bytes=4 << 20)),
    Reason.DIGEST_MISMATCH: lambda place: place.another_model(),
    Reason.ARCHIVE_REFUSED: lambda place: place.unpack(archives.plain("../../etc/cron.d/x")),
    Reason.NOT_A_SAVED_MODEL: lambda place: place.folder_without_model(),
    Reason.INVALID_METADATA: lambda _: wrong_labels(),
    Reason.DATASET_NOT_FOUND: lambda place: place.dataset("status/404"),
    Reason.DATASET_ACCESS_DENIED: lambda place: place.dataset("status/403"),
    Reason.DATASET_TOO_LARGE: lambda place: place.dataset("chunked", replaced(max_archive_bytes=4 << 20)),
    Reason.DATASET_UNAVAILABLE: lambda place: place.dataset("status/503"),
    Reason.DATASET_INVALID: lambda place: place.samples(x=np.zeros((0, 3))),
    Reason.DATASET_MISMATCH: lambda place: place.samples(x=np.full((10, 3), np.nan)),
    Reason.BASELINE_UNUSABLE: lambda place: test_promotion.prepared(place.folder, test_promotion.held(b"hello")),
    Reason.CONVERSION_CRASHED: lambda place: place.crash(),
    Reason.VERIFICATION_FAILED: lambda _: judged(0.1, 60),
    Reason.BUDGET_EXCEEDED: lambda _: test_size.refused("4.5Ki", test_size.FLOATS),
    Reason.TARGET_UNMET: lambda _: test_judgement.too_few(),
    Reason.CREDENTIALS_REFUSED: lambda _: say(answered("AccessDenied", 403)),
    Reason.STORAGE_REFUSED: lambda _: say(
        answered("InvalidRequest", 400, message="Content-Type is not allowed in this bucket")
    ),
    Reason.SERVER_UNREACHABLE: lambda _: say(unknown_authority()),
    Reason.BUCKET_NOT_FOUND: lambda _: say(answered("NoSuchBucket", 404)),
    Reason.STORAGE_UNAVAILABLE: lambda _: say(answered("SlowDown", 503)),
    Reason.DESTINATION_CHANGED: lambda _: say(answered("PreconditionFailed", 412)),
    Reason.DESTINATION_CONFLICT: lambda _: object_metadata.decide(
        test_object_metadata.stored(
            replace(test_object_metadata.WANTED, owner=Owner("prod", "vision/mobilenet-v1"), recipe="9" * 64)
        ),
        test_object_metadata.WANTED,
    ),
    Reason.ARTIFACT_REFUSED: lambda place: place.publish(),
    Reason.BUDGET_UNREACHABLE: lambda _: test_unreachable.told(
        test_unreachable.miss(QuantizationType.INT8, 12.3, 900),
        test_unreachable.miss(QuantizationType.DYNAMIC_RANGE, 36.4, 9184),
    ),
    Reason.SIGNING_KEY_INVALID: lambda _: attest.make(
        attestations.request(),
        attestations.PREPARED,
        attest.Known(attestations.SHA256, {}),
        signed_with_a_public_key(),
    ),
    Reason.INTERNAL_ERROR: lambda _: unforeseen(),
    Reason.SNR_SUFFICIENT: lambda _: judged(1e-4, 60),
    Reason.REPORT_ONLY: lambda _: judged(1e-4, 0),
}
LABELLED: dict[Reason, dict[str, Any]] = {
    Reason.METRIC_MISMATCH: test_metrics.asked("WordErrorRate"),
    Reason.TOO_FEW_LABELS: {**test_metrics.asked("Top1Accuracy"), "verificationSamples": {"maxSamples": 29}},
    Reason.METRICS_SUFFICIENT: test_metrics.asked("Top1Accuracy", gate=0, min="0.7"),
}
CONVERSIONS: dict[Reason, tuple[str, dict[str, Any]]] = {
    Reason.CONVERTED: ("dense", {}),
    Reason.TAGS_NOT_FOUND: ("dense", {"tags": ["gpu"]}),
    Reason.SIGNATURE_NOT_FOUND: ("dense", {"signature": {"key": "predict"}}),
    Reason.INPUT_NOT_FOUND: ("dense", {"signature": {"inputs": [{"name": "images", "shape": [1, 64]}]}}),
    Reason.INPUT_SHAPE_MISMATCH: ("dense", {"signature": {"inputs": [{"name": "x", "shape": [1, 65]}]}}),
    Reason.INPUT_UNSUPPORTED: ("text", {}),
    Reason.UNSUPPORTED_OPERATION: ("lacking", {}),
    Reason.QUANTIZATION_NOT_APPLIED: ("nan", {"quantization": {"type": "DynamicRange", "unquantizedUpTo": 0}}),
    Reason.NON_DETERMINISTIC: ("random", {}),
    Reason.STATEFUL: ("drifting", {}),
    Reason.NON_FINITE: ("nan", {}),
    Reason.INSENSITIVE: ("constant", {}),
    Reason.REAL_DATA_NOT_SEEN: (
        "named",
        {"quantization": {"type": "Int8", "calibration": SYNTHETIC}, "minSnrDecibels": 10},
    ),
}
EXPORTS: dict[Reason, tuple[Callable[[Path], None], dict[str, Any]]] = {
    Reason.MODEL_LOAD_FAILED: (exported_models.without_variables, {}),
    Reason.OPERATION_NOT_QUANTIZABLE: (
        exported_models.with_cosine,
        {"quantization": {"type": "Int8", "calibration": SYNTHETIC}},
    ),
    Reason.CONVERSION_FAILED: (
        exported_models.never_finite,
        {"quantization": {"type": "Int16x8", "calibration": SYNTHETIC}},
    ),
    Reason.SELECT_TF: (exported_models.beyond_litert, {"selectTf": True}),
}


def signed_with_a_public_key() -> dict[str, str]:
    return {SIGNING_KEY_ENV: signing_keys.public(signing_keys.P256).decode()}


def unknown_authority() -> StepFailure:
    """Return what a step says of a server whose certificate nobody knows who signed."""
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = 20, "unable to get local issuer certificate"
    said = of_connection(SSLError(endpoint_url="", error=error), Server("https://s3.example.com"))
    return failure_of(said, test_destination.WHERE, location_of(test_destination.WHERE))


def replaced(**limits: int) -> FetchLimits:
    return LOCAL.model_copy(update=limits)


def in_status(reason: Reason, words: str, *, cure_given: bool) -> str:
    """Return what a step says as the operator shows it."""
    owner, made = started()
    if reason.outcome is Outcome.SUCCESS:
        return message(planned(owner, made, pods=[succeeded_pod(owner, made, reason=reason, message=words)]))
    if reason.outcome is Outcome.VERDICT:
        done = succeeded_pod(owner, made, verdict=reason.value, message=words)
        return message(planned(owner, made, pods=[done]))
    if reason.outcome is Outcome.DELETION:
        return explained(reason, words)
    step = next(step for step in STEPS if reason in STEP_REASONS[step])
    over = job(owner, end=failed())
    said = report(reason, words, cureGiven=cure_given)
    return message(planned(owner, over, pods=[failing_pod(over, step, exit_code(reason), said)]))


def told(bring_about: Callable[[], Any]) -> tuple[Reason, str, bool]:
    """Return the reason and the message of what comes about, and whether the message says what to change."""
    try:
        found = bring_about()
    except StepFailure as failure:
        return failure.reason, failure.message, failure.cure_given
    return getattr(found, "reason", None) or found.verdict, found.message, bool(getattr(found, "cure_given", None))


def check(reason: Reason, bring_about: Callable[[], Any]) -> None:
    found, words, cure_given = told(bring_about)
    # What was converted has its verdict; the publish step then reports it as Converted.
    assert found is (Reason.SNR_SUFFICIENT if reason is Reason.CONVERTED else reason), words
    shown = in_status(reason, words, cure_given=cure_given)
    assert is_like_the_example(reason, shown, cure_given=cure_given), shown


@pytest.mark.parametrize("reason", EXAMPLES)
def test_the_message_is_as_the_example_shows_it(reason: Reason, tmp_path: Path, server: str) -> None:
    check(reason, lambda: EXAMPLES[reason](Place(tmp_path, server)))


@pytest.mark.tensorflow
@pytest.mark.parametrize("reason", CONVERSIONS)
def test_the_message_of_a_conversion_is_as_the_example_shows_it(reason: Reason, models: Path, tmp_path: Path) -> None:
    name, changes = CONVERSIONS[reason]
    check(reason, lambda: test_conversion.convert(models / name, tmp_path, **changes))


@pytest.mark.tensorflow
@pytest.mark.parametrize("reason", LABELLED)
def test_the_message_about_labels_is_as_the_example_shows_it(reason: Reason, models: Path, tmp_path: Path) -> None:
    check(reason, lambda: test_metrics.measured(models, tmp_path, LABELLED[reason]))


@pytest.mark.tensorflow
@pytest.mark.parametrize("reason", EXPORTS)
def test_the_message_about_a_model_is_as_the_example_shows_it(reason: Reason, tmp_path: Path) -> None:
    save, changes = EXPORTS[reason]
    save(tmp_path / "model")
    check(reason, lambda: test_conversion.convert(tmp_path / "model", tmp_path, **changes))
