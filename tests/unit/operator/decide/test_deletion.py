"""How a conversion with deletionPolicy Delete is let go."""

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    RUNNING,
    SETTINGS,
    Object,
    after,
    at,
    conversion,
    ended,
    failed,
    is_at_rest,
    job,
    planned,
    pod,
    report,
    succeeded_pod,
    waiting,
)
from tflite_api.names import CLEANUP, FINALIZER
from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.fields import timestamp
from tflite_operator.core.identity import Identity
from tflite_operator.decide.decision import CreateCleanup, DeleteJob, EmitEvent, SetFinalizer
from tflite_operator.decide.plan import Plan
from tflite_operator.jobs.job import build_cleanup


def held() -> Object:
    owner = conversion(deletionPolicy="Delete")
    owner["metadata"]["finalizers"] = [FINALIZER]
    return owner


def deleted(owner: Object) -> Object:
    return owner | {"metadata": owner["metadata"] | {"deletionTimestamp": timestamp(at(100))}}


def ready() -> Object:
    """A conversion whose artifact is in the bucket, and that is being deleted."""
    owner = held()
    over = job(owner, end=COMPLETE)
    return deleted(after(owner, planned(owner, over, pods=[succeeded_pod(owner, over)])))


def cleanup(owner: Object, *state: Object, end: Object | None = None) -> tuple[Object, Object]:
    """The cleanup Job and its pod."""
    made = build_cleanup(Identity.of(owner), ConversionSpec.from_object(owner["spec"]), SETTINGS)
    made["metadata"] |= {"uid": "cleanup-1", "creationTimestamp": timestamp(at(101))}
    made["status"] = {"conditions": [end]} if end is not None else {}
    its_pod = pod(made)
    its_pod["status"] |= {
        "initContainerStatuses": [],
        "containerStatuses": [{"name": CLEANUP, "state": one} for one in state],
    }
    return made, its_pod


def events(made: Plan) -> list[tuple[bool, Reason]]:
    return [(action.warning, action.reason) for action in made.everything if isinstance(action, EmitEvent)]


def releases(made: Plan) -> bool:
    return made.everything[-1:] == (SetFinalizer(present=False),)


def test_a_conversion_that_is_to_take_its_artifact_along_is_held_before_anything_runs() -> None:
    assert planned(conversion(deletionPolicy="Delete")).actions == (SetFinalizer(present=True),)
    assert SetFinalizer(present=True) not in planned(held()).actions


def test_one_that_is_not_to_any_more_is_let_loose() -> None:
    owner = held()
    owner["spec"]["deletionPolicy"] = "Retain"
    assert planned(owner).actions == (SetFinalizer(present=False),)
    assert releases(planned(deleted(owner)))


def test_without_a_finalizer_a_deletion_is_nobodys_business() -> None:
    assert is_at_rest(planned(deleted(conversion())))


def test_a_conversion_that_never_began_goes_at_once() -> None:
    made = planned(deleted(held()))
    assert releases(made)
    assert events(made) == []


def test_what_still_runs_is_stopped_and_gone_before_the_artifact_is_deleted() -> None:
    owner = held()
    running_on = job(owner)
    owner = deleted(after(owner, planned(owner, running_on)))
    alive = pod(running_on, ended(0), ended(0), RUNNING)
    first = planned(owner, running_on, pods=[alive], now=at(101))
    assert first.actions == (DeleteJob(running_on["metadata"]["name"], "job-1-1"),)
    assert first.look_again is not None
    assert planned(owner, pods=[alive], now=at(102)).actions == ()
    assert planned(owner, now=at(103)).actions == (CreateCleanup(),)


def test_the_artifact_is_deleted_then_the_conversion_is_let_go() -> None:
    owner = ready()
    assert planned(owner, now=at(101)).actions == (CreateCleanup(),)
    waits, its_pod = cleanup(owner, RUNNING)
    assert planned(owner, waits, pods=[its_pod], now=at(102)).actions == ()
    said = report(Reason.ARTIFACT_DELETED, "s3://models/a/b.tflite was deleted")
    done, its_pod = cleanup(owner, ended(0, said))
    made = planned(owner, done, pods=[its_pod], now=at(103))
    assert releases(made)
    assert events(made) == [(False, Reason.ARTIFACT_DELETED)]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ended(3, report(Reason.BUCKET_NOT_FOUND, "bucket models does not exist")), "ucket models does not exist"),
        (ended(3, report(Reason.CREDENTIALS_REFUSED, "refused")), "refused"),
        (ended(0, report(Reason.CONVERTED)), "which cleanup cannot know"),
        (ended(137), "left no report"),
    ],
)
def test_a_cleanup_that_fails_lets_it_go_with_a_warning(state: Object, words: str) -> None:
    owner = ready()
    over, its_pod = cleanup(owner, state, end=failed())
    made = planned(owner, over, pods=[its_pod], now=at(110))
    assert releases(made)
    assert events(made) == [(True, Reason.CLEANUP_FAILED)]
    assert words in str(made.everything[0])


def test_a_cleanup_that_may_be_tried_again_is_waited_for() -> None:
    owner = ready()
    again, its_pod = cleanup(owner, ended(4, report(Reason.STORAGE_UNAVAILABLE)))
    assert planned(owner, again, pods=[its_pod], now=at(110)).actions == ()


def test_a_cleanup_that_waits_for_ever_is_given_up_in_the_end() -> None:
    owner = ready()
    stuck, its_pod = cleanup(owner, waiting("CreateContainerConfigError", 'secret "s3" not found'))
    assert planned(owner, stuck, pods=[its_pod], now=at(220)).actions == ()
    made = planned(owner, stuck, pods=[its_pod], now=at(221))
    assert releases(made)
    assert made.everything[-2] == DeleteJob(stuck["metadata"]["name"], "cleanup-1"), "it deletes nothing later"
    assert 'still waits: secret "s3" not found' in str(made.everything[0])


def test_a_cleanup_that_the_cluster_cannot_start_is_given_up_in_its_words() -> None:
    owner = ready()
    stuck, its_pod = cleanup(owner, waiting("ContainerCreating"))
    words = 'FailedMount: MountVolume.SetUp failed for volume "destination-authorities" : configmap "ca" not found'
    made = planned(owner, stuck, pods=[its_pod], now=at(221), pod_warning=words)
    assert releases(made)
    assert f"still waits: {words}" in str(made.everything[0])


def test_a_cleanup_whose_pod_is_refused_is_given_up_in_those_words() -> None:
    owner = ready()
    alone, _ = cleanup(owner)
    made = planned(owner, alone, now=at(221), pod_refusal='pods "x" is forbidden: exceeded quota: team')
    assert releases(made)
    assert 'still waits: pods "x" is forbidden: exceeded quota: team' in str(made.everything[0])


def test_a_cleanup_that_is_not_let_in_is_given_up_and_deletes_nothing_later() -> None:
    owner = ready()
    suspended, _ = cleanup(owner)
    suspended["spec"]["suspend"] = True
    made = planned(owner, suspended, now=at(221))
    assert releases(made)
    name = suspended["metadata"]["name"]
    assert f"still waits: Job {name} is suspended and was not let in" in str(made.everything[0])
    assert DeleteJob(name, "cleanup-1") in made.everything


def test_an_operator_that_was_away_tries_the_cleanup_however_late_it_is() -> None:
    owner = ready()
    assert planned(owner, now=at(5000)).actions == (CreateCleanup(),)
    waits, its_pod = cleanup(owner, RUNNING)
    waits["metadata"]["creationTimestamp"] = timestamp(at(5000))
    assert planned(owner, waits, pods=[its_pod], now=at(5119)).actions == ()
    assert releases(planned(owner, waits, pods=[its_pod], now=at(5120)))
    assert releases(planned(owner, now=at(5000), refusal="exceeded quota"))


def test_a_namespace_that_ends_lets_it_go_at_once() -> None:
    made = planned(ready(), now=at(101), namespace_ends=True)
    assert releases(made)
    [told] = [one for one in made.everything if isinstance(one, EmitEvent)]
    assert (told.reason, told.warning, told.elsewhere) == (Reason.CLEANUP_FAILED, True, True)
    assert told.message.startswith(
        "s3://models/a/b.tflite may still be there: conversion mobile.net was deleted with its"
    )


def test_a_quota_that_refuses_the_cleanup_is_outwaited_no_longer_than_allowed() -> None:
    assert planned(ready(), now=at(101), refusal="exceeded quota").actions == ()
    made = planned(ready(), now=at(220), refusal="exceeded quota")
    assert releases(made)
    assert "exceeded quota" in str(made.everything[0])


def test_a_foreign_job_with_the_cleanups_name_is_left_alone() -> None:
    owner = ready()
    foreign, _ = cleanup(owner)
    foreign["metadata"]["labels"] = {}
    made = planned(owner, foreign, now=at(101))
    assert releases(made)
    assert events(made) == [(True, Reason.CLEANUP_FAILED)]


def test_the_cleanup_has_credentials_and_goes_by_itself() -> None:
    made, _ = cleanup(ready())
    assert "ownerReferences" not in made["metadata"]
    assert made["spec"]["ttlSecondsAfterFinished"] > 0
    # The operator gives up first, while there still is a pod that says what it waits for.
    assert made["spec"]["activeDeadlineSeconds"] > SETTINGS.cleanup_seconds
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["tflite-convert", CLEANUP]
    assert "AWS_SECRET_ACCESS_KEY" in {one["name"] for one in container["env"]}
    assert made["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
