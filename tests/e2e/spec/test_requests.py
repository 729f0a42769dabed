"""What people ask for beside the recipe: to pause, to run once more, to go back, to wait in a queue."""

import pytest
from kubernetes import client
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures.conversions import Object, Workbench, condition, holds, is_finished
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import job_name

pytestmark = pytest.mark.tensorflow


def jobs(bench: Workbench, api: client.ApiClient) -> list[str]:
    return [job.metadata.name for job in client.BatchV1Api(api).list_namespaced_job(bench.namespace).items]


def is_suspended(seen: Object) -> bool:
    current = seen.get("status", {}).get("observedGeneration") == seen["metadata"]["generation"]
    return current and condition(seen, "Ready").get("reason") == "Suspended"


def test_a_conversion_suspended_while_it_runs_stops_and_goes_on_when_told(
    bench: Workbench, api: client.ApiClient, basic_pitch: str
) -> None:
    bench.create(bench.conversion("paused", basic_pitch))
    bench.wait("paused", lambda seen: condition(seen, "Ready").get("reason") == "Converting")
    bench.patch("paused", {"spec": {"suspend": True}})
    seen = bench.wait("paused", is_suspended)
    assert condition(seen, "Reconciling") == {}
    bench.until(lambda: jobs(bench, api) == [], "no Job is left")
    bench.patch("paused", {"spec": {"suspend": False}})
    assert holds("Ready")(bench.wait("paused", is_finished))


def test_one_that_is_applied_suspended_makes_nothing(bench: Workbench, api: client.ApiClient, tiny_model: str) -> None:
    bench.create(bench.conversion("later", tiny_model, suspend=True))
    bench.wait("later", is_suspended)
    assert jobs(bench, api) == []


def test_a_request_converts_once_more_though_the_artifact_is_there(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    first = bench.run(bench.conversion("again", tiny_model))
    before = s3.head_object(Bucket=bench.bucket, Key="again.tflite")["LastModified"]
    bench.kubectl("annotate", "tflc", "again", "tflite-operator.dev/requestedAt=now")
    second = bench.wait("again", lambda seen: is_finished(seen) and seen["status"]["job"] != first["status"]["job"])
    assert condition(second, "Ready")["reason"] == "Converted"
    assert second["status"]["lastHandledRequest"] == "now"
    assert second["status"]["artifact"]["sha256"] == first["status"]["artifact"]["sha256"]
    assert s3.head_object(Bucket=bench.bucket, Key="again.tflite")["LastModified"] > before


def test_a_request_is_the_cure_for_credentials_that_were_wrong(bench: Workbench, tiny_model: str) -> None:
    wrong = {"metadata": {"name": "wrong"}, "stringData": {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}}
    core = client.CoreV1Api(bench.api)
    core.create_namespaced_secret(bench.namespace, wrong)
    conversion = bench.conversion("rotated", tiny_model)
    conversion["spec"]["destination"]["s3"]["secretRef"]["name"] = "wrong"
    assert condition(bench.run(conversion), "Ready")["reason"] == "CredentialsRefused"
    good = {"AWS_ACCESS_KEY_ID": bench.env.access_key, "AWS_SECRET_ACCESS_KEY": bench.env.secret_key}
    core.patch_namespaced_secret("wrong", bench.namespace, {"stringData": good})
    bench.kubectl("annotate", "tflc", "rotated", "tflite-operator.dev/requestedAt=rotated")
    assert condition(bench.wait("rotated", holds("Ready")), "Ready")["reason"] == "Converted"


def test_a_spec_that_goes_back_finds_its_artifact_where_it_left_it(bench: Workbench, tiny_model: str) -> None:
    first = bench.run(bench.conversion("back", tiny_model))
    destination = {"s3": first["spec"]["destination"]["s3"] | {"key": "other.tflite"}}
    bench.patch("back", {"spec": {"quantization": {"type": "Float16"}, "destination": destination}})
    assert condition(bench.wait("back", holds("Ready")), "Ready")["reason"] == "Converted"
    back = {"quantization": {"type": "None"}, "destination": first["spec"]["destination"]}
    bench.patch("back", {"spec": back})
    third = bench.wait("back", holds("Ready"))
    assert condition(third, "Ready")["reason"] == "Reused"
    assert third["status"]["artifact"] == first["status"]["artifact"]


def test_the_second_of_two_conversions_with_one_key_is_told_whose_it_is(bench: Workbench, tiny_model: str) -> None:
    pair = [bench.conversion(name, tiny_model) for name in ("first", "second")]
    pair[1]["spec"]["quantization"] = {"type": "Float16"}
    for one in pair:
        one["spec"]["destination"]["s3"]["key"] = "shared.tflite"
        bench.create(one)
    seen = [bench.wait(one["metadata"]["name"], is_finished) for one in pair]
    [winner] = [one for one in seen if holds("Ready")(one)]
    [loser] = [one for one in seen if holds("Stalled")(one)]
    told = condition(loser, "Stalled")
    assert told["reason"] == "DestinationConflict"
    assert f"{bench.namespace}/{winner['metadata']['name']}" in told["message"]
    assert "artifact" not in loser["status"]


def test_a_spec_changed_while_it_runs_gets_a_new_job_when_the_old_ones_pods_are_gone(
    bench: Workbench, api: client.ApiClient, basic_pitch: str, tiny_model: str
) -> None:
    bench.create(bench.conversion("changed", basic_pitch))
    old = bench.wait("changed", lambda seen: condition(seen, "Ready").get("reason") == "Converting")
    bench.patch("changed", {"spec": {"model": {"handle": tiny_model}}})
    done = bench.wait("changed", is_finished)
    assert holds("Ready")(done)
    assert done["status"]["signature"]["inputs"][0]["shape"] == [-1, 8]
    assert old["status"]["job"]["name"] not in jobs(bench, api)


def test_a_foreign_job_with_our_name_is_never_adopted(bench: Workbench, api: client.ApiClient, tiny_model: str) -> None:
    bench.create(bench.conversion("named", tiny_model, suspend=True))
    seen = bench.wait("named", is_suspended)
    # The name that its next generation needs, taken before.
    name = names_of(bench, seen)
    container = {"name": "x", "image": "example.com/none", "command": ["true"]}
    batch = client.BatchV1Api(api)
    pod = {"restartPolicy": "Never", "containers": [container]}
    foreign = {"metadata": {"name": name}, "spec": {"suspend": True, "template": {"spec": pod}}}
    batch.create_namespaced_job(bench.namespace, foreign)
    bench.patch("named", {"spec": {"suspend": False}})
    stalled = bench.wait("named", is_finished)
    assert condition(stalled, "Stalled")["reason"] == "NameCollision"
    assert name in condition(stalled, "Stalled")["message"]
    assert batch.read_namespaced_job(name, bench.namespace).metadata.owner_references is None
    batch.delete_namespaced_job(name, bench.namespace, propagation_policy="Background")
    assert holds("Ready")(bench.wait("named", holds("Ready")))


def names_of(bench: Workbench, seen: Object) -> str:
    """The name of the Job that the next generation makes first."""
    following = seen["metadata"] | {"generation": seen["metadata"]["generation"] + 1, "namespace": bench.namespace}
    return job_name(Identity.of({"metadata": following}), 1)


def test_a_job_that_a_queue_holds_back_is_shown_as_queued(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    # Kueue does not run here: its webhook suspends the Jobs that carry its label, which is done by hand.
    conversion = bench.conversion("queued", tiny_model, suspend=True)
    conversion["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "team-a"}
    bench.create(conversion)
    batch = client.BatchV1Api(api)
    core = client.CoreV1Api(api)
    core.create_namespaced_resource_quota(
        bench.namespace, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    )
    bench.patch("queued", {"spec": {"suspend": False}})
    made = bench.wait("queued", lambda seen: "job" in seen.get("status", {}))["status"]["job"]["name"]
    batch.patch_namespaced_job(made, bench.namespace, {"spec": {"suspend": True}})
    seen = bench.wait("queued", lambda seen: condition(seen, "Ready").get("reason") == "Queued")
    assert "in queue team-a" in condition(seen, "Ready")["message"]
    core.delete_namespaced_resource_quota("none", bench.namespace)
    batch.patch_namespaced_job(made, bench.namespace, {"spec": {"suspend": False}})
    done = bench.wait("queued", is_finished)
    assert (condition(done, "Ready")["status"], done["status"]["job"]["attempt"]) == ("True", 1)
