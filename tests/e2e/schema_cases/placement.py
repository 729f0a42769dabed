"""Specs that keep or break each rule of the schema about where the pods run in relation to others, and their marks."""

from tests.e2e.schema_cases.least import Object, Rule, changed
from tflite_api.resource.pods.metadata import RESERVED_KEYS, RESERVED_PREFIXES

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
HOST = "kubernetes.io/hostname"
KEPT = {"matchLabels": {"app": "cache"}}


def nodes(*terms: object) -> Object:
    return changed("affinity.nodeAffinity", {REQUIRED: {"nodeSelectorTerms": list(terms)}})


def better_nodes(*terms: object) -> Object:
    return changed("affinity.nodeAffinity", {PREFERRED: [{"weight": 1, "preference": term} for term in terms]})


def node(**said: object) -> Object:
    return {"matchExpressions": [{"key": "pool", **said}]}


def named(**said: object) -> Object:
    return {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a.b"], **said}]}


def near(*terms: object, part: str = "podAffinity") -> Object:
    return changed(f"affinity.{part}", {REQUIRED: list(terms)})


def rather_near(*terms: object, part: str = "podAntiAffinity", weight: int = 100) -> Object:
    wishes = [{"weight": weight, "podAffinityTerm": term} for term in terms]
    return changed(f"affinity.{part}", {PREFERRED: wishes})


def pods(**said: object) -> Object:
    return {"topologyKey": HOST, **said}


def selected(**said: object) -> Object:
    return pods(labelSelector={"matchExpressions": [{"key": "app", **said}]})


def spread(*constraints: Object) -> Object:
    least = {"maxSkew": 1, "topologyKey": HOST, "whenUnsatisfiable": "ScheduleAnyway"}
    return changed("topologySpreadConstraints", [least | one for one in constraints])


def long_node(more: int = 0) -> Object:
    """Conditions that take 4096 bytes, and perhaps some more."""
    first, second = ["v" * 58] * 60, [*["v" * 58] * 4, "v" * (53 + more)]
    wanted = [{"key": "pool", "operator": "In", "values": values} for values in (first, second)]
    return {"matchExpressions": wanted}


def long_pods(more: int = 0) -> Object:
    """A term that takes as much."""
    return selected(operator="NotIn", values=["v" * 58] * 64) | {"namespaces": ["n" * (36 + more)]}


def long_spread(more: int = 0) -> Object:
    """A constraint that takes as much."""
    values = [*["v" * 63] * 59, "v" * (48 + more)]
    return spread({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": values}]}})


def marked(kind: str, **said: str) -> Object:
    return changed(f"podMetadata.{kind}", {name.replace("__", "/"): value for name, value in said.items()})


WORD = "a" * 63
RESERVED = [*RESERVED_KEYS, *(f"{prefix}x" for prefix in RESERVED_PREFIXES)]
FREE = ["app", "app.kubernetes.io/version", "sidecar.istio.io/inject", "job-names", "io.kubernetes.x", "a.b-c/D_e.f"]

RULES: list[Rule] = [
    (
        "prefix of a key",
        [changed("nodeSelector", {f"{'a' * 253}/b": "x"}), near(pods(topologyKey=f"{'a' * 253}/b"))],
        [changed("nodeSelector", {f"{'a' * 254}/b": "x"}), near(pods(topologyKey=f"{'a' * 254}/b"))],
        "must have at most 253 characters before the slash",
    ),
    (
        "key of a label in affinity and spread",
        [near(pods(topologyKey="a-b.c/D")), spread({"topologyKey": "zone"})],
        [
            *(near(pods(topologyKey=key)) for key in ("a..b/c", "-a/b", "a b", "a-.b/c", "A/b")),
            spread({"topologyKey": "a b"}),
            nodes({"matchExpressions": [{"key": "a b", "operator": "Exists"}]}),
            changed("podMetadata.labels", {"a..b/c": ""}),
            changed("podMetadata.annotations", {"a b": ""}),
        ],
        "must be the key of a label",
    ),
    (
        "value of a label in affinity and metadata",
        [nodes(node(operator="In", values=["", "a_b"])), marked("labels", a="", b="x.y")],
        [nodes(node(operator="In", values=["a b"])), marked("labels", a="b c"), marked("labels", a="/")],
        "must be the value of a label",
    ),
    (
        "values of a condition on labels",
        [
            near(selected(operator="In", values=["a"]), selected(operator="DoesNotExist")),
            near(pods(namespaceSelector={"matchExpressions": []}), part="podAntiAffinity"),
            spread({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": []}]}}),
        ],
        [
            near(selected(operator="In")),
            near(selected(operator="NotIn", values=[])),
            rather_near(selected(operator="Exists", values=["a"])),
            spread({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
        ],
        "the operators In and NotIn need values, Exists and DoesNotExist take none",
    ),
    (
        "values of a condition on nodes",
        [nodes(node(operator="NotIn", values=["a", "b"]), node(operator="Exists"))],
        [
            nodes(node(operator="In")),
            better_nodes(node(operator="DoesNotExist", values=["a"])),
            nodes(node(operator="Lt")),
        ],
        "the operators Exists and DoesNotExist take no values, the others need them",
    ),
    (
        "numbers",
        [nodes(node(operator="Gt", values=["8"])), better_nodes(node(operator="Lt", values=["0"]))],
        [nodes(node(operator="Gt", values=values)) for values in (["a"], ["1", "2"], ["1.5"], ["9" * 19])],
        "the operators Gt and Lt take one value, which is a number",
    ),
    (
        "an empty term",
        [nodes(named()), better_nodes(named(operator="NotIn"), node(operator="Exists"))],
        [nodes({}), nodes(named(), {"matchExpressions": []}), better_nodes({"matchFields": []})],
        "a term without matchExpressions and matchFields means no node",
    ),
    (
        "name of a node",
        [nodes(named(values=["ip-10-0-0-1.ec2.internal"]))],
        [nodes(named(values=[name])) for name in ("A", "a/b", "-")],
        "must be the name of an object",
    ),
    ("one name", [nodes(named())], [nodes(named(values=["a", "b"]))], "must have at most 1 item"),
    ("no name", [nodes(named())], [nodes(named(values=[]))], "should have at least 1 items"),
    (
        "namespace",
        [near(pods(namespaces=["a", "a-1"]))],
        [near(pods(namespaces=[name])) for name in ("a.b", "A", "-a")],
        "must be the name of a namespace",
    ),
    (
        "weight",
        [rather_near(pods(), weight=1), rather_near(pods(), weight=100)],
        [rather_near(pods(), weight=101)],
        "should be less than or equal to 100",
    ),
    (
        "bytes of terms",
        [
            nodes(long_node()),
            better_nodes(long_node()),
            near(long_pods()),
            rather_near(long_pods(), part="podAffinity"),
        ],
        [
            nodes(long_node(1)),
            nodes(long_node(), named()),
            better_nodes(long_node(1)),
            near(long_pods(1)),
            rather_near(long_pods(1), part="podAffinity"),
            near(*[pods(namespaces=[WORD] * 16)] * 4, part="podAntiAffinity"),
            near(*[pods(namespaceSelector={"matchLabels": {f"{WORD}.{n}/a": WORD for n in range(16)}})] * 2),
            near(pods(labelSelector={}, matchLabelKeys=[f"{'k' * 253}/{n}" for n in range(8)]), long_pods()),
        ],
        "the terms must have at most 4096 bytes together",
    ),
    (
        "matchLabelKeys without a selector",
        [near(pods(labelSelector=KEPT, matchLabelKeys=["team"])), near(pods(matchLabelKeys=[]))],
        [near(pods(matchLabelKeys=["team"])), spread({"matchLabelKeys": ["team"]})],
        "matchLabelKeys needs labelSelector",
    ),
    (
        "mismatchLabelKeys without a selector",
        [rather_near(pods(labelSelector=KEPT, mismatchLabelKeys=["team"]))],
        [rather_near(pods(mismatchLabelKeys=["team"]))],
        "mismatchLabelKeys needs labelSelector",
    ),
    (
        "matchLabelKeys beside the same key",
        [spread({"labelSelector": KEPT, "matchLabelKeys": ["team"]})],
        [
            spread({"labelSelector": KEPT, "matchLabelKeys": ["app"]}),
            near(selected(operator="Exists") | {"matchLabelKeys": ["app"]}),
        ],
        "matchLabelKeys names a key of labelSelector",
    ),
    (
        "mismatchLabelKeys beside the same key",
        [near(pods(labelSelector=KEPT, mismatchLabelKeys=["team"]))],
        [near(pods(labelSelector=KEPT, mismatchLabelKeys=["team", "app"]))],
        "mismatchLabelKeys names a key of labelSelector",
    ),
    (
        "the same and not the same",
        [near(pods(labelSelector=KEPT, matchLabelKeys=["a"], mismatchLabelKeys=["b"]))],
        [near(pods(labelSelector=KEPT, matchLabelKeys=["a"], mismatchLabelKeys=["b", "a"]))],
        "matchLabelKeys and mismatchLabelKeys name the same key",
    ),
    (
        "two constraints",
        [spread({}, {"whenUnsatisfiable": "DoNotSchedule"}, {"topologyKey": "zone"})],
        [spread({}, {"maxSkew": 2})],
        "two constraints have the same topologyKey and whenUnsatisfiable",
    ),
    (
        "minDomains",
        [spread({"whenUnsatisfiable": "DoNotSchedule", "minDomains": 3})],
        [spread({"minDomains": 3})],
        "minDomains is for whenUnsatisfiable DoNotSchedule",
    ),
    (
        "bytes of constraints",
        [long_spread()],
        [long_spread(1)],
        "the constraints must have at most 4096 bytes together",
    ),
    (
        "runtimeClassName",
        [changed("runtimeClassName", "gvisor.1")],
        [changed("runtimeClassName", name) for name in ("A", "a b", "a/")],
        "must be the name of an object",
    ),
    (
        "reserved keys",
        [changed(f"podMetadata.{kind}", {key: "x"}) for kind in ("labels", "annotations") for key in FREE],
        [changed(f"podMetadata.{kind}", {key: "x"}) for kind in ("labels", "annotations") for key in RESERVED],
        "reserved for the operator, or for what confines the containers and gives them credentials",
    ),
    (
        "an annotation's value",
        [marked("annotations", a="b: {c}\n\t{\U0001f916}", b="", c="x" * 4096)],
        [marked("annotations", a="\x00"), marked("annotations", a="\x1b[0m")],
        "must hold no control characters but tabs and line breaks",
    ),
    (
        "bytes of annotations",
        [marked("annotations", aa="x" * 4094, bb="x" * 4094)],
        [marked("annotations", aa="x" * 4094, bb="x" * 4095), marked("annotations", a="\U0001f916" * 2048)],
        "the keys and values must have at most 8192 bytes together",
    ),
    (
        "operator of a condition on labels",
        [near(selected(operator="DoesNotExist"))],
        [near(selected(operator="Gt", values=["1"]))],
        'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
    ),
    (
        "operator of a condition on nodes",
        [nodes(node(operator="DoesNotExist"))],
        [nodes(node(operator="Near"))],
        'supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"',
    ),
    (
        "a node's fields",
        [nodes(named())],
        [nodes(named(key="metadata.uid"))],
        'supported values: "metadata.name"',
    ),
    (
        "operator of a condition on a node's name",
        [nodes(named(operator="NotIn"))],
        [nodes(named(operator="Exists"))],
        'supported values: "In", "NotIn"',
    ),
    (
        "whenUnsatisfiable",
        [spread({"whenUnsatisfiable": word}) for word in ("DoNotSchedule", "ScheduleAnyway")],
        [spread({"whenUnsatisfiable": "Wait"})],
        'supported values: "DoNotSchedule", "ScheduleAnyway"',
    ),
    (
        "nodeAffinityPolicy",
        [spread({"nodeAffinityPolicy": word}) for word in ("Honor", "Ignore")],
        [spread({"nodeAffinityPolicy": "Obey"})],
        'supported values: "Honor", "Ignore"',
    ),
    (
        "nodeTaintsPolicy",
        [spread({"nodeTaintsPolicy": word}) for word in ("Honor", "Ignore")],
        [spread({"nodeTaintsPolicy": "Obey"})],
        'supported values: "Honor", "Ignore"',
    ),
]
