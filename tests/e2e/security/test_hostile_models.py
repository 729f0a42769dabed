"""A model that attacks the process that loads it gains nothing: no secret, no artifact, and the reason is told."""

import base64
import json
import unicodedata

import pytest
from mypy_boto3_s3 import S3Client

from tests.attacks import hostile_models
from tests.attacks.hostile_models import Attack
from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import OPERATOR_PODS, Object, Workbench, condition
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM
from tests.e2e.spec.test_bad_input import assert_bucket_is_empty, assert_stalled
from tflite_api import names

pytestmark = pytest.mark.tensorflow

Case = tuple[Attack, Object, str, tuple[str, ...]]


def serve(env: Environment, name: str, attack: Attack) -> str:
    path = f"e2e/hostile-{name.replace(' ', '-')}/1"
    return models.serve_saved_model(env, path, lambda folder: hostile_models.save(attack, folder))


def memory(amount: str) -> Object:
    return {"resources": {"limits": {"memory": amount}, "requests": {"memory": amount}}}


CASES: dict[str, Case] = {
    "forged result and a quiet end": (
        hostile_models.forge_and_end_in("/output"),
        {},
        "ConversionCrashed",
        ("before it was done", "Abort"),
    ),
    "never ends": (
        hostile_models.never_end,
        # Within which it has to find room beside the pods of other tests.
        {"activeDeadlineSeconds": 15, "resources": {"requests": {"cpu": "10m"}}},
        "DeadlineExceeded",
        ("spec.activeDeadlineSeconds", "15 s"),
    ),
    "fills the disk": (
        hostile_models.fill_disk,
        {"resources": {"limits": {"ephemeral-storage": "100Mi"}}},
        "OutOfDisk",
        ("100Mi", "spec.resources.limits.ephemeral-storage"),
    ),
    "allocates without end": (
        hostile_models.allocate,
        memory("900Mi"),
        "OutOfMemory",
        ("900Mi", "convert", "resources.limits.memory"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_attack_stalls_with_a_reason_and_publishes_nothing(
    bench: Workbench, env: Environment, s3: S3Client, case: str
) -> None:
    attack, spec, reason, words = CASES[case]
    finished = bench.run(bench.conversion("hostile", serve(env, case, attack), **spec))
    assert_stalled(finished, reason, *words)
    assert "artifact" not in finished["status"]
    assert_bucket_is_empty(s3, bench.bucket)


def test_a_model_that_carries_away_what_it_reads_finds_no_credentials(
    bench: Workbench, env: Environment, s3: S3Client
) -> None:
    finished = bench.run(bench.conversion("thief", serve(env, "thief", hostile_models.carry_away)))
    assert condition(finished, "Ready").get("status") == "True", finished["status"]
    artifact = s3.get_object(Bucket=bench.bucket, Key="thief.tflite")["Body"].read()
    # Without these the model would have found nothing at all, and the test would prove nothing.
    assert numbers("PATH=") in artifact
    assert numbers("modelDigest") in artifact
    assert "PYTHONHASHSEED" in bench.logs()
    assert [secret for secret in secrets(env) if numbers(secret) in artifact] == []
    assert_no_secrets(bench, env, s3)


def test_a_model_that_tells_what_it_can_write_and_read_has_little_to_tell(
    bench: Workbench, env: Environment, s3: S3Client
) -> None:
    program = "/opt/project/tflite_converter/steps/publish.py"
    closed = ("/planted", "/model/prepared.json", "/model/planted", program, "/opt/venv/planted.pth", "/etc/planted")
    attack = hostile_models.complain("/tmp/planted", *closed, "/proc/1/environ", "/usr/lib/planted", "/dev/planted")
    finished = bench.run(bench.conversion("talker", serve(env, "talker", attack)))
    assert_stalled(finished, "ModelLoadFailed", "written: /tmp/planted; read: ]")
    assert_bucket_is_empty(s3, bench.bucket)
    assert_no_secrets(bench, env, s3)


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mred \u202eevil\u200b " + "A" * 3000


def test_what_a_model_writes_where_the_step_reports_is_not_what_is_read(bench: Workbench, env: Environment) -> None:
    attack = hostile_models.complain(names.TERMINATION_LOG)
    finished = bench.run(bench.conversion("forger", serve(env, "forger", attack)))
    # It can write there: the step's own report comes after it, and takes its place.
    assert_stalled(finished, "ModelLoadFailed", f"written: {names.TERMINATION_LOG};")
    [pod] = json.loads(bench.kubectl("get", "pods", "-o", "json"))["items"]
    ends = {one["name"]: one["state"]["terminated"] for one in pod["status"]["initContainerStatuses"]}
    assert json.loads(ends["convert"]["message"])["reason"] == "ModelLoadFailed"


def test_what_a_model_says_is_shown_without_what_moves_a_terminal(bench: Workbench, env: Environment) -> None:
    finished = bench.run(bench.conversion("shouter", serve(env, "shouter", hostile_models.shout(ESCAPES))))
    assert_stalled(finished, "ModelLoadFailed", "owned")
    assert_shown_plainly(bench, finished)


def assert_shown_plainly(bench: Workbench, finished: Object) -> None:
    shown = bench.kubectl("describe", "tflc", finished["metadata"]["name"]) + bench.kubectl("get", "events")
    told = [one["message"] for one in finished["status"]["conditions"]]
    told += [one["message"] for one in json.loads(bench.kubectl("get", "events", "-o", "json"))["items"]]
    assert told
    assert [words for words in told if not words.isprintable()] == []
    assert max(map(len, told)) <= 2048
    assert not {character for character in shown if unicodedata.category(character)[0] == "C"} - {"\n", "\t"}


def secrets(env: Environment) -> list[str]:
    plain = [env.access_key, env.secret_key]
    return plain + [base64.b64encode(each.encode()).decode() for each in plain]


def numbers(text: str) -> bytes:
    """Return a text as the weights of a model hold it: one little-endian float32 for each byte."""
    import numpy as np

    return np.frombuffer(text.encode(), np.uint8).astype("<f4").tobytes()


def assert_no_secrets(bench: Workbench, env: Environment, s3: S3Client) -> None:
    told = bench.kubectl("get", "tflc,jobs,pods,events", "-o", "json", "--show-managed-fields") + bench.logs()
    told += bench.kubectl("logs", *OPERATOR_PODS, "--tail=-1", "--namespace", SYSTEM)
    for found in s3.list_objects_v2(Bucket=bench.bucket).get("Contents", []):
        stored = s3.get_object(Bucket=bench.bucket, Key=found["Key"])
        told += stored["Body"].read().decode("latin-1") + json.dumps(stored["Metadata"])
    assert [secret for secret in secrets(env) if secret in told] == []
