"""Specs that keep or break each rule of the schema about the pods of a conversion, and about as whom they act."""

import copy

from tests.e2e.schema_cases.least import LEAST, Object, Rule, changed


def tolerated(**said: object) -> Object:
    return changed("tolerations", [said])


def resources(name: str, request: object, limit: object) -> Object:
    return changed("resources", {"requests": {name: request}, "limits": {name: limit}})


def unkeyed(role: str | None = None, **more: object) -> Object:
    """A spec whose destination names no Secret."""
    spec = copy.deepcopy(LEAST) | more
    del spec["destination"]["s3"]["secretRef"]
    if role is not None:
        spec["destination"]["s3"]["roleARN"] = role
    return spec


ROLE = "arn:aws:iam::123456789012:role/converter"

RULES: list[Rule] = [
    (
        "quantity",
        [resources(name, 1, "2") for name in ("cpu", "memory", "ephemeral-storage")],
        [changed("resources.limits", {"memory": amount}) for amount in ("much", "-1", "1e3", "1 Gi", -1)],
        "must be a resource quantity",
    ),
    (
        "cpu",
        [resources("cpu", "500m", 1)],
        [resources("cpu", "1500m", 1)],
        "requests.cpu must not exceed limits.cpu",
    ),
    (
        "memory",
        [resources("memory", "1Gi", "1024Mi")],
        [resources("memory", "1025Mi", "1Gi")],
        "requests.memory must not exceed limits.memory",
    ),
    (
        "ephemeral-storage",
        [resources("ephemeral-storage", "1k", "1Ki")],
        [resources("ephemeral-storage", "1Ki", "1k")],
        "requests.ephemeral-storage must not exceed limits.ephemeral-storage",
    ),
    (
        "resources of the other steps",
        [changed("stepResources", {step: {"requests": {"cpu": 1}}}) for step in ("prepare", "publish", "cleanup")],
        [changed("stepResources", {"publish": {"requests": {"cpu": 2}, "limits": {"cpu": 1}}})],
        "requests.cpu must not exceed limits.cpu",
    ),
    (
        "value of a nodeSelector",
        [changed("nodeSelector", {"kubernetes.io/arch": "amd64", "pool": ""})],
        [changed("nodeSelector", {"pool": value}) for value in ("a b", "-a", "a/b")],
        "must be the value of a label",
    ),
    (
        "key of a nodeSelector",
        [changed("nodeSelector", {"a.b/C_d": "x"})],
        [changed("nodeSelector", {key: "x"}) for key in ("", "a b", "/a", "A/b/c", "a" * 64)],
        "must be the key of a label",
    ),
    (
        "key and value of a toleration",
        [tolerated(key="gpu", operator="Equal", value="true", effect="NoSchedule"), tolerated(key="a.b/c")],
        [tolerated(key="a b"), tolerated(key="a", value="a b")],
        "must be the",
    ),
    (
        "toleration without a key",
        [tolerated(operator="Exists")],
        [tolerated(operator="Equal"), tolerated(effect="NoSchedule")],
        "without a key the operator must be Exists",
    ),
    (
        "toleration that Exists",
        [tolerated(key="a", operator="Exists")],
        [tolerated(key="a", operator="Exists", value="b")],
        "the operator Exists takes no value",
    ),
    (
        "tolerationSeconds",
        [tolerated(key="a", effect="NoExecute", tolerationSeconds=30)],
        [tolerated(key="a", effect="NoSchedule", tolerationSeconds=30), tolerated(key="a", tolerationSeconds=30)],
        "tolerationSeconds is for the effect NoExecute",
    ),
    (
        "priorityClassName",
        [changed("priorityClassName", "batch.low")],
        [changed("priorityClassName", name) for name in ("A", "a b", "a/")],
        "must be the name of an object",
    ),
    (
        "serviceAccountName",
        [changed("serviceAccountName", "converter.a-b")],
        [changed("serviceAccountName", name) for name in ("A", "a b", "../a")],
        "must be the name of an object",
    ),
    (
        "credentials",
        [unkeyed(serviceAccountName="converter")],
        [unkeyed()],
        "destination.s3 needs credentials",
    ),
    (
        "where roleARN belongs",
        [unkeyed(ROLE, serviceAccountName="converter")],
        [changed("destination.s3.roleARN", ROLE)],
        "destination.s3.roleARN is for serviceAccountName without a secretRef",
    ),
    (
        "roleARN",
        [unkeyed("arn:minio:iam:::role/a/b-c", serviceAccountName="converter")],
        [unkeyed(role, serviceAccountName="converter") for role in ("converter", "arn:aws:iam::12:user/a", ROLE + " ")],
        "must be the ARN of a role",
    ),
    (
        "deletionPolicy",
        [changed("deletionPolicy", policy) for policy in ("Retain", "Delete")],
        [changed("deletionPolicy", "Orphan")],
        'supported values: "Retain", "Delete"',
    ),
    (
        "operator of a toleration",
        [tolerated(key="a", operator=operator) for operator in ("Exists", "Equal")],
        [tolerated(key="a", operator="In")],
        'supported values: "Exists", "Equal"',
    ),
    (
        "effect of a toleration",
        [tolerated(key="a", effect=effect) for effect in ("NoSchedule", "PreferNoSchedule", "NoExecute")],
        [tolerated(key="a", effect="Never")],
        'supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ),
]
