"""A step's report, exit code and log, as a container leaves them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tflite_api.explanations import explained
from tflite_api.names import STEP_REQUEST_ENV, TERMINATION_LOG_BYTES
from tflite_api.reasons import Reason
from tflite_api.steps.step import ExitCode, StepResult, exit_code
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import write_whole
from tflite_converter.steps.local import clear, worst, write_result
from tflite_converter.steps.runner import guarded


def started(step: str, tmp_path: Path, request: str | None) -> tuple[int, StepResult, str]:
    environment = {name: value for name, value in os.environ.items() if name != STEP_REQUEST_ENV}
    environment |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "do-not-leak"}
    if request is not None:
        environment[STEP_REQUEST_ENV] = request
    log = tmp_path / "termination-log"
    command = [sys.executable, "-m", "tflite_converter", step, "--termination-log", str(log)]
    command += ["--model-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    text = log.read_text()
    assert len(text.encode()) <= TERMINATION_LOG_BYTES
    assert "do-not-leak" not in text + done.stdout + done.stderr
    return done.returncode, StepResult.model_validate_json(text), done.stderr


@pytest.mark.parametrize("step", ["prepare", "convert", "publish"])
@pytest.mark.parametrize("request_text", [None, "no json", '{"owner": "a/b", "cluster": "prod", "spec": {}}'])
def test_a_request_that_does_not_fit_is_an_invalid_spec(tmp_path: Path, step: str, request_text: str | None) -> None:
    code, result, log = started(step, tmp_path, request_text)
    assert (code, result.reason) == (3, Reason.INVALID_SPEC)
    assert all(json.loads(line)["message"] for line in log.splitlines())


def test_storage_that_does_not_answer_is_tried_again(tmp_path: Path) -> None:
    s3 = {"bucket": "models", "key": "a", "endpoint": "http://127.0.0.1:1", "secretRef": {"name": "s"}}
    spec = {"model": {"handle": "http://127.0.0.1:1/m"}, "destination": {"s3": s3}}
    request = {"owner": "a/b", "cluster": "prod", "spec": spec, "limits": {"allowLocalAddresses": True}}
    code, result, _ = started("prepare", tmp_path, json.dumps(request))
    assert (code, result.reason) == (4, Reason.STORAGE_UNAVAILABLE)
    assert result.duration_seconds is not None
    assert result.duration_seconds > 4.5, "the network of its pod may not have been ready"
    assert result.peak_memory_bytes is not None
    assert result.peak_memory_bytes > 10 << 20


def test_what_nobody_foresaw_is_an_internal_error_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    def work(_: object) -> StepResult:
        raise KeyError("do-not-leak")

    result = guarded(work)
    assert (result.reason, exit_code(result.reason)) == (Reason.INTERNAL_ERROR, ExitCode.SPEC_MUST_CHANGE)
    assert result.message == "Unexpected KeyError: the traceback is in the log"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("step", "cure"),
    [
        ("convert", "spec.resources.requests.memory."),
        ("prepare", "raise spec.stepResources.prepare.limits.memory."),
        (None, "use a machine with more."),
    ],
)
def test_who_can_give_more_memory_depends_on_the_container(step: str | None, cure: str) -> None:
    def work(_: object) -> StepResult:
        raise MemoryError

    result = guarded(work, step)
    shown = explained(result.reason, result.message, cure_given=bool(result.cure_given))
    assert (result.reason, cure in shown) == (Reason.OUT_OF_MEMORY, True)
    assert ("spec.resources" in shown) is (step == "convert")


@pytest.mark.parametrize("step", ["convert", "publish"])
def test_an_internal_error_is_one_line_in_the_report_with_its_traceback_in_the_log(tmp_path: Path, step: str) -> None:
    s3 = {"bucket": "models", "key": "a", "secretRef": {"name": "s"}}
    spec = {"model": {"handle": "https://example.com/m"}, "destination": {"s3": s3}}
    # The step before would have left its report, or have failed.
    code, result, log = started(step, tmp_path, json.dumps({"owner": "a/b", "cluster": "prod", "spec": spec}))
    assert (code, result.reason) == (3, Reason.INTERNAL_ERROR)
    assert result.message == "Unexpected ValueError: the traceback is in the log"
    tracebacks = [line["exception"] for line in map(json.loads, log.splitlines()) if "exception" in line]
    assert ["prepared.json cannot be opened" in traceback for traceback in tracebacks] == [True]


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        ([Reason.CONVERTED], 0),
        ([Reason.CONVERTED, Reason.MODEL_UNAVAILABLE], 4),
        ([Reason.MODEL_UNAVAILABLE, Reason.INVALID_SPEC, Reason.CONVERTED], 3),
    ],
)
def test_of_several_conversions_the_worst_counts(reasons: list[Reason], code: int) -> None:
    assert worst([StepResult(reason=reason, message="") for reason in reasons]) == code


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "file", "no bytes")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_model_that_no_run_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"mine")
    for content in (None, "{}", "[]", "no json"):
        if content is not None:
            (tmp_path / "result.json").write_text(content)
        with pytest.raises(StepFailure) as caught:
            clear(tmp_path)
        assert caught.value.reason is Reason.DESTINATION_CONFLICT
    assert (tmp_path / "model.tflite").read_bytes() == b"mine"


def test_result_json_has_the_name_of_the_outcome(tmp_path: Path) -> None:
    write_result(tmp_path, StepResult(reason=Reason.INVALID_SPEC, message="m"))
    assert json.loads((tmp_path / "result.json").read_text())["outcome"] == "STALLED"
