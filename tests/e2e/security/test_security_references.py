"""Only who may read a Secret, or act as a ServiceAccount, may have a conversion do it."""

import copy
import json
from typing import Any

import pytest
from kubernetes import client

from tests.e2e.conftest import new_namespace
from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import WRITER, Person
from tests.e2e.fixtures.operator_http import SYSTEM
from tflite_api.names import FINALIZER
from tflite_operator.observe.admission import POLICIES

HANDLE = "https://models.invalid/1"


def reads(*names: str) -> Object:
    return {"apiGroups": [""], "resources": ["secrets"], "resourceNames": list(names), "verbs": ["get"]}


def acts_as(*names: str) -> Object:
    return {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": list(names), "verbs": ["impersonate"]}


@pytest.fixture
def writer(bench: Workbench) -> Person:
    """May write conversions, and nothing else; the policy is in force."""
    person = Person(bench, "writer")
    person.grant(WRITER)
    # A policy takes a moment after it was first installed.
    probe = idle(bench, "probe")
    bench.until(lambda: bool(person.apply(probe, "--dry-run=server")), "the policy is in force")
    return person


@pytest.fixture
def owner(bench: Workbench, writer: Person) -> Person:
    """May write conversions and read the one Secret."""
    person = Person(bench, "owner")
    person.grant(WRITER, reads(bench.secret))
    return person


def idle(bench: Workbench, name: str) -> Object:
    """A conversion that a quota keeps from starting: these tests are about who may write it."""
    return bench.conversion(name, HANDLE)


@pytest.fixture(autouse=True)
def _nothing_runs(bench: Workbench) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    bench.apply({"apiVersion": "v1", "kind": "ResourceQuota"} | quota)


def assert_refused(words: str, person: Person, bench: Workbench) -> None:
    for part in ("spec.destination.s3.secretRef.name", person.user, bench.secret, bench.namespace, "verb get"):
        assert part in words, words


def changed(conversion: Object, path: str, value: Any) -> Object:
    other = copy.deepcopy(conversion)
    *parents, last = path.split(".")
    node = other["spec"]
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value
    return other


def test_who_may_read_the_secret_may_refer_to_it_and_others_may_not(
    bench: Workbench, writer: Person, owner: Person
) -> None:
    conversion = idle(bench, "mine")
    assert_refused(writer.apply(conversion), writer, bench)
    assert owner.apply(conversion) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("destination.s3.secretRef.name", "other"),
        ("destination.s3.key", "elsewhere.tflite"),
        ("destination.s3.bucket", "somebody-elses"),
        ("destination.s3.endpoint", "https://attacker.example.com"),
        ("model.handle", "https://attacker.example.com/1"),
        ("verification.samples", {"dataset": "s3://private/data.npz"}),
    ],
)
def test_nobody_changes_what_is_done_with_credentials_they_may_not_read(
    bench: Workbench, writer: Person, owner: Person, path: str, value: Any
) -> None:
    conversion = idle(bench, "shared")
    assert owner.apply(conversion) == ""
    assert "may not read Secret" in writer.apply(changed(conversion, path, value))
    assert bench.get("shared")["metadata"]["generation"] == 1


def test_the_right_to_one_secret_is_none_to_another(bench: Workbench, owner: Person) -> None:
    conversion = idle(bench, "moved")
    assert owner.apply(conversion) == ""
    words = owner.apply(changed(conversion, "destination.s3.secretRef.name", "other"))
    assert 'may not read Secret "other"' in words
    # Nor is it enough to name it before it exists.
    assert 'may not read Secret "later"' in owner.apply(changed(conversion, "destination.s3.secretRef.name", "later"))


def test_nobody_has_a_conversion_sign_with_a_key_they_may_not_read(bench: Workbench, owner: Person) -> None:
    conversion = changed(idle(bench, "signed"), "attestation", {"secretRef": {"name": "signing-key"}})
    words = owner.apply(conversion)
    for part in ("spec.attestation.secretRef.name", 'may not read Secret "signing-key"', "verb get"):
        assert part in words, words
    assert owner.apply(changed(conversion, "attestation", {})) == ""
    assert owner.apply(changed(conversion, "attestation", {"secretRef": {"name": bench.secret}})) == ""


def test_what_changes_no_spec_is_free(bench: Workbench, writer: Person, owner: Person) -> None:
    conversion = idle(bench, "labelled")
    assert owner.apply(conversion) == ""
    assert writer.patch("labelled", {"metadata": {"labels": {"team": "blue"}}}) == ""
    assert bench.get("labelled")["metadata"]["labels"] == {"team": "blue"}
    # The operator goes on writing its status: its account may read no Secret at all.
    bench.wait("labelled", lambda seen: bool(seen.get("status", {}).get("conditions")))


@pytest.mark.parametrize("may_read", [True, False])
def test_a_gitops_controller_is_judged_by_its_own_account(bench: Workbench, writer: Person, may_read: bool) -> None:
    bench.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gitops"}})
    controller = Person(bench, f"system:serviceaccount:{bench.namespace}:gitops")
    controller.grant(WRITER, *([reads(bench.secret)] if may_read else []))
    as_flux = ("--server-side", "--field-manager=kustomize-controller")
    conversion = idle(bench, "declared")
    if not may_read:
        assert_refused(controller.apply(conversion, *as_flux), controller, bench)
        return
    assert controller.apply(conversion, *as_flux) == ""
    version = bench.get("declared")["metadata"]["generation"]
    assert controller.apply(conversion, *as_flux) == ""
    assert bench.get("declared")["metadata"]["generation"] == version
    moved = changed(conversion, "destination.s3.secretRef.name", "other")
    assert 'may not read Secret "other"' in controller.apply(moved, *as_flux)


def test_a_right_to_the_secret_of_another_namespace_is_none_to_this_one(
    bench: Workbench, writer: Person, env: Environment, api: client.ApiClient
) -> None:
    with new_namespace(api, env) as elsewhere:
        writer.grant(WRITER, reads(bench.secret), namespace=elsewhere)
        there = idle(bench, "across")
        there["metadata"]["namespace"] = elsewhere
        assert writer.apply(there, "--namespace", elsewhere, "--dry-run=server") == ""
        assert_refused(writer.apply(idle(bench, "across")), writer, bench)


def test_the_secret_of_a_model_is_for_those_who_may_read_it(bench: Workbench, owner: Person) -> None:
    source = {"s3": {"bucket": "private", "key": "model.zip", "secretRef": {"name": "models-reader"}}}
    conversion = changed(idle(bench, "sourced"), "model", source)
    words = owner.apply(conversion)
    for part in ("spec.model", owner.user, '"models-reader"', bench.namespace, "verb get"):
        assert part in words, words
    trusted = Person(bench, "trusted")
    trusted.grant(WRITER, reads(bench.secret, "models-reader"))
    assert trusted.apply(conversion) == ""


def test_the_volume_of_a_model_is_for_those_who_may_make_pods(bench: Workbench, owner: Person) -> None:
    conversion = changed(idle(bench, "mounted"), "model", {"volume": {"claimName": "private"}})
    words = owner.apply(conversion)
    for part in ("spec.model.volume", owner.user, bench.namespace, "verb create on pods"):
        assert part in words, words
    trusted = Person(bench, "trusted")
    trusted.grant(WRITER, reads(bench.secret), {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]})
    assert trusted.apply(conversion) == ""


def with_account(bench: Workbench, name: str, account: str) -> Object:
    conversion = idle(bench, name)
    del conversion["spec"]["destination"]["s3"]["secretRef"]
    conversion["spec"]["serviceAccountName"] = account
    return conversion


def test_who_may_act_as_a_service_account_may_have_a_conversion_do_it_and_others_may_not(
    bench: Workbench, writer: Person, owner: Person
) -> None:
    conversion = with_account(bench, "identified", "uploader")
    for person in (writer, owner):
        words = person.apply(conversion)
        for part in ("spec.serviceAccountName", person.user, '"uploader"', bench.namespace, "verb impersonate"):
            assert part in words, words
    trusted = Person(bench, "trusted")
    trusted.grant(WRITER, acts_as("uploader"))
    assert trusted.apply(conversion) == ""
    assert 'may not act as ServiceAccount "admin"' in trusted.apply(with_account(bench, "identified", "admin"))
    assert "may not act as" in writer.apply(changed(conversion, "model.handle", "https://attacker.example.com/1"))


def test_whoever_may_edit_the_namespace_needs_no_more(bench: Workbench, writer: Person) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    subject = {"kind": "User", "name": "editor"}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "editor"}}
    bench.apply(binding | {"roleRef": reference, "subjects": [subject]})
    editor = Person(bench, "editor")
    bench.until(
        lambda: editor.may("create", "tfliteconversions.tflite-operator.dev", bench.namespace), "editor may edit"
    )
    assert editor.apply(idle(bench, "edited")) == ""
    assert editor.apply(with_account(bench, "identified", "uploader")) == ""


def test_the_operator_s_own_account_changes_no_spec(bench: Workbench, owner: Person) -> None:
    assert owner.apply(idle(bench, "kept")) == ""
    operator = Person(bench, f"system:serviceaccount:{SYSTEM}:tflite-operator")
    assert operator.patch("kept", {"metadata": {"finalizers": [FINALIZER]}}) == ""
    assert "the operator changes no spec" in operator.patch(
        "kept", {"spec": {"model": {"handle": "https://attacker.example.com/1"}}}
    )
    assert operator.patch("kept", {"metadata": {"finalizers": None}}) == ""


@pytest.mark.parametrize("name", POLICIES)
def test_the_api_server_finds_no_fault_with_a_policy(bench: Workbench, writer: Person, name: str) -> None:
    def checked() -> Object:
        found: Object = json.loads(bench.kubectl("get", "validatingadmissionpolicy", name, "-o", "json"))
        return found

    def is_checked() -> bool:
        policy = checked()
        return bool(policy.get("status", {}).get("observedGeneration") == policy["metadata"]["generation"])

    bench.until(is_checked, "the policy is checked against the schema")
    assert checked()["status"]["typeChecking"] == {}
