"""A conversion is held, cleaned up after and let go against an API server in memory that can say no."""

import pytest

from tests.unit.operator.builders import UID, conversion
from tests.unit.operator.decide import test_deletion as deletion
from tests.unit.operator.reconcile.test_reconciler import FakeCluster, look
from tflite_api.names import FINALIZER
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import cleanup_name, job_name
from tflite_operator.kube.errors import ConflictError, NamespaceTerminatingError


def names(cluster: FakeCluster) -> set[str]:
    return set(cluster.jobs_made)


def test_the_finalizer_is_there_before_the_first_job_and_beside_those_of_others() -> None:
    owner = conversion(deletionPolicy="Delete")
    owner["metadata"]["finalizers"] = ["example.com/other"]
    cluster = FakeCluster(owner)
    look(cluster)
    assert cluster.owner is not None
    assert cluster.owner["metadata"]["finalizers"] == ["example.com/other", FINALIZER]
    assert cluster.calls.index("set_finalizers") < cluster.calls.index("create_job")
    assert names(cluster) == {job_name(Identity.of(owner), 1)}


def test_a_conversion_that_changed_meanwhile_is_read_again_before_it_is_held() -> None:
    cluster = FakeCluster(conversion(deletionPolicy="Delete"))
    cluster.fail["set_finalizers"] = [ConflictError("changed")]
    look(cluster)
    assert cluster.calls.count("set_finalizers") == 2
    assert len(cluster.jobs_made) == 1


def test_the_cleanup_is_made_once_however_often_it_is_looked_at() -> None:
    owner = deletion.ready()
    cluster = FakeCluster(owner)
    for _ in range(3):
        look(cluster)
    assert names(cluster) == {cleanup_name(Identity.of(owner))}
    assert "create_job" not in cluster.calls
    [made] = cluster.jobs_made.values()
    assert made["metadata"]["labels"]["tflite-operator.dev/conversion"] == UID


@pytest.mark.parametrize("others", [[], ["example.com/other"]])
def test_a_namespace_that_ends_lets_go_at_once_and_takes_no_other_finalizer_along(others: list[str]) -> None:
    owner = deletion.ready()
    owner["metadata"]["finalizers"] = [*others, FINALIZER]
    cluster = FakeCluster(owner)
    cluster.fail["create_job"] = [NamespaceTerminatingError("being terminated")]
    look(cluster)
    assert (cluster.owner or {"metadata": {"finalizers": []}})["metadata"]["finalizers"] == others
    assert names(cluster) == set()
    [event] = cluster.told
    assert event["metadata"]["namespace"] == "default"
    assert event["regarding"] == {"apiVersion": "v1", "kind": "Namespace", "name": "team"}
