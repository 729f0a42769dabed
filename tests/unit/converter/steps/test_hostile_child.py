"""A child that is not what it should be: a model may take over the process that converts it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import hostile_models
from tests.attacks.hostile_models import FORGED, FORGED_REPORT
from tflite_api.explanations import explained
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import FetchLimits
from tflite_converter.convert.supervised import Conversion
from tflite_converter.core.failure import StepFailure, exhausted_resource
from tflite_converter.core.local_spec import LocalConversion
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps import local
from tflite_converter.steps.accept import Asked, accept
from tflite_converter.steps.convert import convert
from tflite_converter.steps.local import Circumstances
from tflite_converter.steps.runner import guarded
from tflite_converter.worker import process

SPEC = ConversionSpec.from_object(
    {
        "model": {"handle": "https://example.com/model/1"},
        "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}},
    }
)
HEAD = """
import json, os, sys
order = json.load(sys.stdin)
folder = order["outputDir"] + "/"
def say(**line):
    os.write(int(sys.argv[1]), json.dumps(line).encode() + b"\\n")
def leave(name, content):
    open(folder + name, "wb").write(content)
"""
ARTIFACT = f'leave("model.tflite", {FORGED!r})\n'
REPORT = f'leave("converted.json", {json.dumps(FORGED_REPORT).encode()!r})\n'
DONE = 'say(done=order["proof"])\n'


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


def run(code: str, output: Path, monkeypatch: pytest.MonkeyPatch, spec: ConversionSpec = SPEC) -> Conversion:
    """Convert with another program in place of the one that converts."""
    monkeypatch.setattr(process, "command", lambda _module: [sys.executable, "-c", HEAD + code])
    return convert(spec, output.parent / "model", output, LoggedProgress())


def refusal(code: str, output: Path, monkeypatch: pytest.MonkeyPatch) -> StepFailure:
    """Return the failure of the convert step, or else that of the publish step."""
    try:
        run(code, output, monkeypatch)
        with accept(output, Asked(SPEC.min_snr_decibels)):
            pytest.fail("both steps believe it")
    except StepFailure as failure:
        return failure


def test_a_child_that_proves_it_is_done_is_believed(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The cases below would pass as well if no child were ever believed.
    run(ARTIFACT + REPORT + DONE, output, monkeypatch)
    with accept(output, Asked(SPEC.min_snr_decibels)) as accepted:
        assert accepted.sha256 == FORGED_REPORT["sha256"]


@pytest.mark.parametrize("said", ["", 'say(done="")\n', f'say(done="{"0" * 32}")\n', 'say(phase=order["proof"])\n'])
def test_an_exit_code_of_0_alone_is_not_believed(output: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    refused = refusal(ARTIFACT + REPORT + said, output, monkeypatch)
    assert refused.reason is Reason.CONVERSION_CRASHED
    assert "before it was done" in refused.message


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        ("sys.exit(7)", "ended with exit code 7"),
        ('say(failure={"reason": "InternalError", "message": "why"}); sys.exit(1)', "why"),
    ],
)
def test_what_becomes_of_a_child_that_is_done_costs_at_most_the_report(
    output: Path, monkeypatch: pytest.MonkeyPatch, end: str, words: str
) -> None:
    told = SPEC.model_copy(update={"report": True})
    assert run(ARTIFACT + REPORT + DONE + end, output, monkeypatch).converted.report_problem is None
    assert words in (run(ARTIFACT + REPORT + DONE + end, output, monkeypatch, told).converted.report_problem or "")
    with accept(output, Asked(SPEC.min_snr_decibels)) as accepted:
        assert words in (accepted.report.report_problem or "")
    (output / "report.json").write_text("{}")
    assert run(ARTIFACT + REPORT + DONE + end, output, monkeypatch, told).converted.report_problem is None


@pytest.mark.parametrize(
    ("kind", "phase", "words"),
    [
        ("Int8", "Converting (UnrolledLoops)", "as TensorFlow measured the activations of the model and quantized it"),
        ("Int16x8", "Verifying", "as LiteRT ran the artifact of quantization.type Int16x8"),
        ("Int16x8", "Running the model", None),
        ("DynamicRange", "Converting", None),
    ],
)
def test_a_crash_in_integers_says_what_was_being_done_and_which_type_needs_none_of_it(
    output: Path, monkeypatch: pytest.MonkeyPatch, kind: str, phase: str, words: str | None
) -> None:
    calibration = {"calibration": {"synthetic": True}} if kind.startswith("Int") else {}
    spec = ConversionSpec.from_object(
        SPEC.model_dump(mode="json", by_alias=True, exclude_unset=True)
        | {"quantization": {"type": kind, **calibration}}
    )
    code = f'say(phase="Running the model"); say(phase="{phase}"); os.kill(os.getpid(), 6)'
    with pytest.raises(StepFailure, match="ended by SIGABRT") as caught:
        run(code, output, monkeypatch, spec)
    assert caught.value.reason is Reason.CONVERSION_CRASHED
    assert caught.value.cure_given == (words is not None)
    if words is not None:
        assert words in caught.value.message
        assert caught.value.message.endswith("use quantization.type DynamicRange, which measures no activations")


@pytest.mark.usefixtures("fetched_by_hand")
@pytest.mark.parametrize(
    ("most", "reason"), [(len(FORGED), Reason.CONVERTED), (len(FORGED) - 1, Reason.BUDGET_EXCEEDED)]
)
def test_a_run_without_a_cluster_holds_the_budget_of_what_the_child_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, reason: Reason
) -> None:
    monkeypatch.setattr(process, "command", lambda _module: [sys.executable, "-c", HEAD + ARTIFACT + REPORT + DONE])
    model = {"handle": "https://example.com/model/1"}
    asked = LocalConversion.from_object(
        {"metadata": {"name": "a"}, "spec": {"model": model, "budget": {"maxSizeBytes": most}}}
    )
    assert local.run(asked, tmp_path / "out", Circumstances(FetchLimits(), LoggedProgress())).reason is reason
    assert (tmp_path / "out" / "model.tflite").exists() == (reason is Reason.CONVERTED)


def test_every_child_is_asked_for_another_proof(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = ARTIFACT + REPORT + 'leave("proof", order["proof"].encode())\n' + DONE
    proofs = set()
    for _ in range(2):
        run(code, output, monkeypatch)
        proofs.add((output / "proof").read_text())
    assert len(proofs) == 2


def report(**changes: Any) -> str:
    return f'leave("converted.json", {json.dumps(FORGED_REPORT | changes).encode()!r})\n'


REPORTED: dict[str, Any] = FORGED_REPORT
MEASURED = REPORTED["verification"]
SYNTHETIC = {"source": "Synthetic", "samples": 20}
UNIFORM = {"name": "Uniform", "samples": 2, "snrDecibels": "9.0"}
LEFT = {
    "nothing": ("", Reason.CONVERSION_CRASHED, "converted.json"),
    "no artifact": (REPORT, Reason.ARTIFACT_REFUSED, "model.tflite"),
    "10 MB of report": (
        ARTIFACT + "leave(\"converted.json\", b' ' * (10 << 20))\n",
        Reason.CONVERSION_CRASHED,
        "converted.json has 10485760 bytes",
    ),
    "a report without end": (ARTIFACT + 'os.mkfifo(folder + "converted.json")\n', Reason.CONVERSION_CRASHED, "plain"),
    "a report of zeros": (
        ARTIFACT + 'os.symlink("/dev/zero", folder + "converted.json")\n',
        Reason.CONVERSION_CRASHED,
        "converted.json cannot be opened as a plain file",
    ),
    "a report of wrong types": (
        ARTIFACT + report(verdict=1, tensorflow=[], signature="none"),
        Reason.CONVERSION_CRASHED,
        "converted.json is malformed: verdict",
    ),
    "a report with a field of its own": (
        ARTIFACT + report(etag="mine"),
        Reason.CONVERSION_CRASHED,
        "converted.json is malformed: etag",
    ),
    "no flatbuffer": (
        'leave("model.tflite", b"\\x7fELF" + bytes(100))\n' + REPORT,
        Reason.ARTIFACT_REFUSED,
        "model.tflite is no TensorFlow Lite file",
    ),
    "a link to an artifact": (
        'leave("real", b"TFL3" * 9)\nos.symlink("real", folder + "model.tflite")\n' + REPORT,
        Reason.ARTIFACT_REFUSED,
        "model.tflite cannot be opened as a plain file",
    ),
    "a link to another's secret": (
        'os.symlink("/proc/self/environ", folder + "model.tflite")\n' + REPORT,
        Reason.ARTIFACT_REFUSED,
        "model.tflite cannot be opened as a plain file",
    ),
    "an artifact of 1 TiB": (
        ARTIFACT + 'os.truncate(folder + "model.tflite", 1 << 40)\n' + REPORT,
        Reason.ARTIFACT_REFUSED,
        f"model.tflite has {1 << 40} bytes, more than the {5 << 30} allowed",
    ),
    "another artifact": (ARTIFACT + report(sha256="0" * 64), Reason.ARTIFACT_REFUSED, "SHA-256"),
    "a measurement that fails on one distribution": (
        ARTIFACT + report(verification=MEASURED | {"distributions": [UNIFORM]}),
        Reason.ARTIFACT_REFUSED,
        "calls the SNR sufficient for 60 dB, but does not show it",
    ),
    "a proof on generated inputs of what was calibrated on such": (
        ARTIFACT + report(calibration=SYNTHETIC),
        Reason.ARTIFACT_REFUSED,
        "takes generated inputs for proof",
    ),
}


@pytest.mark.parametrize("left", LEFT)
def test_what_a_child_leaves_is_refused_with_words_for_what_is_wrong(
    output: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    code, reason, words = LEFT[left]
    refused = refusal(code + DONE, output, monkeypatch)
    assert refused.reason is reason
    assert words in refused.message


@pytest.mark.parametrize(
    "said", [{"verdict": "RealDataNotSeen"}, {"verification": MEASURED | {"source": "Verification"}}]
)
def test_what_was_calibrated_on_generated_inputs_is_accepted_as_that_and_on_real_ones(
    output: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    run(ARTIFACT + report(calibration=SYNTHETIC, **said) + DONE, output, monkeypatch)
    with accept(output, Asked(SPEC.min_snr_decibels)) as accepted:
        assert accepted.report.calibration is not None


def test_a_thousand_other_files_are_left_alone(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = 'for number in range(1000): leave(f"{number}", b"x")\nleave("result.json", b"[" * 100)\n'
    run(code + ARTIFACT + REPORT + DONE, output, monkeypatch)
    with accept(output, Asked(SPEC.min_snr_decibels)) as accepted:
        assert accepted.file.read() == FORGED


def test_a_child_that_finds_the_disk_full_says_so(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = 'say(failure={"reason": "OutOfDisk", "message": "[Errno 28] No space left on device"})\nsys.exit(1)\n'
    refused = refusal(told, output, monkeypatch)
    assert refused.reason is Reason.OUT_OF_DISK
    assert "filled the disk" in refused.message
    assert "No space left on device" in refused.message


def test_a_full_disk_is_told_from_other_errors_of_the_system() -> None:
    with pytest.raises(OSError, match="No space left") as caught, Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")
    assert exhausted_resource(caught.value) is Reason.OUT_OF_DISK
    assert exhausted_resource(MemoryError()) is Reason.OUT_OF_MEMORY
    assert exhausted_resource(PermissionError()) is None


def test_a_step_that_finds_the_disk_full_says_so() -> None:
    def work(_: object) -> Any:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    result = guarded(work)
    assert (result.reason, result.outcome) == (Reason.OUT_OF_DISK, Outcome.STALLED)
    assert "more room" in explained(result.reason, result.message)


def test_what_nobody_foresaw_is_an_internal_error_in_one_line_with_the_traceback_in_the_log(
    output: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "from tflite_converter.worker.reporter import Report, reported\n"
        "def work(): raise TypeError('first line\\nsecond line')\n"
        "sys.exit(reported(work, Report(int(sys.argv[1]))))\n"
    )
    refused = refusal(code, output, monkeypatch)
    assert refused.reason is Reason.INTERNAL_ERROR
    assert refused.message == "Unexpected TypeError (the traceback is in the log): first line second line"
    assert "Traceback (most recent call last):" in caplog.text
    assert ", in work" in caplog.text


@pytest.mark.tensorflow
def test_a_graph_that_finds_the_disk_full_is_not_short_of_memory(tmp_path: Path, output: Path) -> None:
    hostile_models.save(hostile_models.write_to_full_disk, tmp_path / "model")
    with pytest.raises(StepFailure) as caught:
        convert(SPEC, tmp_path / "model", output, LoggedProgress())
    assert caught.value.reason is Reason.OUT_OF_DISK
    assert "filled the disk" in caught.value.message
    assert list(output.iterdir()) == []


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("attack", "reason"),
    [(hostile_models.forge_in, Reason.ARTIFACT_REFUSED), (hostile_models.forge_and_end_in, Reason.CONVERSION_CRASHED)],
)
def test_a_graph_that_forges_the_result_is_found_out(tmp_path: Path, output: Path, attack: Any, reason: Reason) -> None:
    hostile_models.save(attack(str(output)), tmp_path / "model")
    with pytest.raises(StepFailure) as caught:
        convert(SPEC, tmp_path / "model", output, LoggedProgress())
    assert caught.value.reason is reason
    # It did what it could, or the test would prove nothing.
    assert (output / "model.tflite").read_bytes() == FORGED
