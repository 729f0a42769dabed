"""The operator's ServiceAccount may do what it must, and nothing else: asked of the API server's own authorizer."""

import pytest
from kubernetes import client, config

from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM

pytestmark = pytest.mark.tensorflow

OPERATOR = f"system:serviceaccount:{SYSTEM}:tflite-operator"
GROUPS = ["system:serviceaccounts", f"system:serviceaccounts:{SYSTEM}", "system:authenticated"]

Right = tuple[str, str, str]
"""Verb, API group and resource."""

POLICY_KINDS = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
RIGHTS: set[Right] = {
    # patch is for the finalizer; of the spec the admission policy lets the operator change nothing.
    *((verb, "tflite-operator.dev", "tfliteconversions") for verb in ("get", "list", "watch", "patch")),
    ("patch", "tflite-operator.dev", "tfliteconversions/status"),
    ("update", "tflite-operator.dev", "tfliteconversions/finalizers"),
    *((verb, "batch", "jobs") for verb in ("get", "list", "watch", "create", "patch", "delete")),
    *((verb, "", "pods") for verb in ("list", "watch")),
    ("list", "", "events"),
    ("create", "events.k8s.io", "events"),
    # Whether its own policies are installed; they hold nothing that is secret.
    *((verb, "admissionregistration.k8s.io", kind) for verb in ("list", "watch") for kind in POLICY_KINDS),
}
NAMED: set[Right] = {("get", "", "namespaces")}
"""Of objects by their names, and of no other: kube-system, whose UID names the cluster."""
EVERYBODY: set[Right] = {
    ("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
    ("create", "authorization.k8s.io", "selfsubjectrulesreviews"),
    ("create", "authentication.k8s.io", "selfsubjectreviews"),
}
"""What every account of a cluster has, by the role system:basic-user."""
ANY = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
RBAC = "rbac.authorization.k8s.io"
NEVER: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "secrets"): ANY,
    ("", "configmaps"): ANY,
    ("", "serviceaccounts"): (*ANY, "impersonate"),
    ("", "serviceaccounts/token"): ("create",),
    ("", "users"): ("impersonate",),
    ("", "groups"): ("impersonate",),
    ("authentication.k8s.io", "userextras"): ("impersonate",),
    ("", "pods"): ("get", "create", "update", "patch", "delete", "deletecollection"),
    ("", "pods/exec"): ("get", "create"),
    ("", "pods/attach"): ("get", "create"),
    ("", "pods/portforward"): ("get", "create"),
    ("", "pods/proxy"): ("get", "create"),
    ("", "pods/log"): ("get",),
    ("", "pods/ephemeralcontainers"): ("update", "patch"),
    ("", "pods/eviction"): ("create",),
    ("", "nodes"): ANY,
    ("", "nodes/proxy"): ("get", "create"),
    ("", "namespaces"): ANY,
    ("", "services"): ANY,
    ("", "persistentvolumeclaims"): ANY,
    ("", "persistentvolumes"): ANY,
    ("apps", "deployments"): ANY,
    ("apps", "daemonsets"): ANY,
    ("batch", "cronjobs"): ANY,
    ("batch", "jobs"): ("update", "deletecollection"),
    ("batch", "jobs/status"): ("update", "patch"),
    ("tflite-operator.dev", "tfliteconversions"): ("create", "update", "delete", "deletecollection"),
    (RBAC, "roles"): (*ANY, "escalate", "bind"),
    (RBAC, "rolebindings"): ANY,
    (RBAC, "clusterroles"): (*ANY, "escalate", "bind"),
    (RBAC, "clusterrolebindings"): ANY,
    ("certificates.k8s.io", "certificatesigningrequests"): ANY,
    ("certificates.k8s.io", "certificatesigningrequests/approval"): ("update",),
    ("certificates.k8s.io", "signers"): ("approve", "sign"),
    **{
        ("admissionregistration.k8s.io", kind): ("create", "update", "patch", "delete", "deletecollection")
        for kind in POLICY_KINDS
    },
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): ANY,
    ("apiextensions.k8s.io", "customresourcedefinitions"): ANY,
    ("apiregistration.k8s.io", "apiservices"): ANY,
    ("networking.k8s.io", "networkpolicies"): ANY,
    ("*", "*"): ("*",),
}


def may(api: client.ApiClient, right: Right, namespace: str, object_name: str = "") -> bool:
    verb, group, resource = right
    name, _, sub = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": name, "subresource": sub, "namespace": namespace}
    if object_name:
        attributes["name"] = object_name
    spec = {"user": OPERATOR, "groups": GROUPS, "resourceAttributes": attributes}
    allowed: bool = client.AuthorizationV1Api(api).create_subject_access_review({"spec": spec}).status.allowed
    return allowed


@pytest.mark.parametrize("namespace", ["", "default", "kube-system", SYSTEM])
def test_it_may_do_none_of_what_would_make_it_a_way_in(operator: None, api: client.ApiClient, namespace: str) -> None:
    asked = [(verb, *what) for what, verbs in NEVER.items() for verb in verbs]
    assert [right for right in asked if may(api, right, namespace)] == []


@pytest.mark.parametrize("right", sorted(RIGHTS), ids=" ".join)
def test_it_may_do_what_it_must_in_every_namespace(operator: None, api: client.ApiClient, right: Right) -> None:
    assert may(api, right, "default")
    assert may(api, right, "")


def rights(env: Environment, namespace: str) -> set[Right]:
    """Return all that the operator may do in a namespace, as the API server tells the operator itself."""
    api = config.new_client_from_config(env.kubeconfig, context=env.context)
    api.set_default_header("Impersonate-User", OPERATOR)
    reviews = client.AuthorizationV1Api(api)
    told = reviews.create_self_subject_rules_review({"spec": {"namespace": namespace}}).status
    assert not told.incomplete, told.evaluation_error
    return {
        (verb, group, resource)
        for rule in told.resource_rules
        for verb in rule.verbs
        for group in rule.api_groups or [""]
        for resource in rule.resources or []
    }


def test_it_has_no_right_that_is_not_listed_here(operator: None, env: Environment) -> None:
    assert rights(env, "default") == RIGHTS | NAMED | EVERYBODY


def test_of_namespaces_it_may_read_kube_system_alone(operator: None, api: client.ApiClient) -> None:
    assert [name for name in ("kube-system", "default", SYSTEM) if may(api, ("get", "", "namespaces"), name, name)] == [
        "kube-system"
    ]


def test_in_its_own_namespace_it_may_keep_its_lease_and_no_more(operator: None, env: Environment) -> None:
    more = rights(env, SYSTEM) - RIGHTS - NAMED - EVERYBODY
    assert more == {(verb, "coordination.k8s.io", "leases") for verb in ("get", "create", "update")}
