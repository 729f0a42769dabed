"""The API server accepts and refuses what the schema says, in words for people; the models agree with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes import client
from pydantic import ValidationError

from tests.e2e.schema_cases import (
    budget,
    destination,
    model,
    placement,
    pod,
    quantization,
    signature,
    targets,
    variants,
    verification,
)
from tests.e2e.schema_cases.least import Object
from tests.manifests import example_conversions
from tflite_api import names
from tflite_api.resource.conversion import Conversion

_FIELDS = (model, signature, quantization, verification, budget, targets, variants, destination, pod, placement)
RULES = [rule for field in _FIELDS for rule in field.RULES]
ROOT = Path(__file__).parents[3]
SCHEMA = yaml.safe_load((ROOT / "crds/tfliteconversions.yaml").read_text())
SPEC_SCHEMA = SCHEMA["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def walk(node: Object) -> Iterator[Object]:
    yield node
    for child in node.get("properties", {}).values():
        yield from walk(child)
    if "items" in node:
        yield from walk(node["items"])
    if "additionalProperties" in node:
        yield from walk(node["additionalProperties"])


def test_every_rule_and_enum_of_the_schema_has_its_cases() -> None:
    words = [words for *_, words in RULES]
    messages = [rule["message"] for node in walk(SPEC_SCHEMA) for rule in node.get("x-kubernetes-validations", [])]
    assert [message for message in messages if not any(word in message for word in words)] == []
    enums = {tuple(node["enum"]) for node in walk(SPEC_SCHEMA) if "enum" in node}
    told = {enum: f"supported values: {', '.join(json.dumps(value) for value in enum)}" for enum in enums}
    cases = [word for word in words if word.startswith("supported values: ")]
    assert [enum for enum in enums if not any(told[enum].startswith(word) for word in cases)] == []


class Server:
    """The API server's verdict on a spec, by a dry run."""

    def __init__(self, api: client.ApiClient) -> None:
        self._custom = client.CustomObjectsApi(api)

    def refusal(self, spec: Object) -> str | None:
        """Return the message of the refusal, or None if the spec is accepted."""
        body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "rule"}, "spec": spec}
        try:
            self._custom.create_namespaced_custom_object(
                names.GROUP, names.VERSION, "default", names.PLURAL, body, dry_run="All", field_validation="Strict"
            )
        except client.ApiException as refused:
            assert refused.status in {400, 422}, refused
            return str(json.loads(refused.body)["message"])
        return None


@pytest.fixture(scope="module")
def server(api: client.ApiClient, crd: None) -> Server:
    return Server(api)


def our_refusal(spec: Object) -> str | None:
    try:
        Conversion.from_object({"metadata": {"name": "rule"}, "spec": spec})
    except ValidationError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize(("accepted", "words"), [(spec, words) for _, specs, _, words in RULES for spec in specs])
def test_a_rule_accepts_what_keeps_it(server: Server, accepted: Object, words: str) -> None:
    assert server.refusal(accepted) is None
    assert our_refusal(accepted) is None


@pytest.mark.parametrize(("refused", "words"), [(spec, words) for _, _, specs, words in RULES for spec in specs])
def test_a_rule_refuses_what_breaks_it_in_words_for_people(server: Server, refused: Object, words: str) -> None:
    assert words.removeprefix("must be -1 (flexible)") in (server.refusal(refused) or "accepted")
    assert our_refusal(refused) is not None


JUNK = st.sampled_from(["", "a", "..", "a/b", "A", "1", 0, 1, -1, -2, 2**31, True, 1.5, None, [], {}, ["a"], {"a": 1}])


def mostly(good: st.SearchStrategy[Any], edge: st.SearchStrategy[Any] = JUNK) -> st.SearchStrategy[Any]:
    """Mostly good values, so that a whole spec has a chance to be accepted; now and then one that may not be."""
    # Hypothesis likes the ends of a range best: the rare sides are in its middle.
    return st.integers(0, 40).flatmap(lambda dice: JUNK if dice == 17 else edge if dice == 23 else good)


def joined(pattern: str, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.builds(pattern.format, *parts)


def text(alphabet: str, least: int = 0, most: int = 8) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most)


HOSTS = joined("{}{}", text("ab1", 1), st.sampled_from(["", ".b-c", ":80", ":123456"]))
PATHS = text("a1/@%._~", 1)
HANDLES = mostly(
    joined("http://{}/{}", HOSTS, PATHS), joined("{}://{}/{}", text("htps"), text("ab.-:1[]@"), text("a/?# "))
)
ENDPOINTS = mostly(joined("https://{}", HOSTS), joined("https://{}{}", HOSTS, text("/a?", 1, 2)))
DIGESTS = mostly(text("0123456789abcdef", 64, 64), text("0afAF", 63, 65))
NAMES = mostly(joined("a{}", text("ab")), text("ab.-A"))
BUCKETS = mostly(joined("a{}c", text("ab1", 1)), text("ab.-A", 2, 6))
KEYS = mostly(joined("{}/{}", text("ab._", 2), text("ab=+", 1)), text("ab./-_ '"))
AMOUNTS = st.one_of(st.integers(0, 5), joined("{}{}", st.integers(0, 5), st.sampled_from(["", "m", "Mi", "G", ".5"])))
QUANTITIES = mostly(AMOUNTS, joined("{}{}", text("0123.-", 1, 4), st.sampled_from(["", "m", "Mi", "G", "x", "e3"])))
RESOURCE_LISTS = mostly(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("cpu", "memory", "ephemeral-storage"), QUANTITIES))
)
SHAPES = mostly(st.lists(st.sampled_from([-1, 1, 2, 2**31 - 1]), max_size=8), st.lists(st.integers(-2, 2), max_size=9))
PINS = mostly(st.fixed_dictionaries({"name": mostly(text("abcdefgh", 3)), "shape": SHAPES}))
S3 = st.fixed_dictionaries(
    {"bucket": BUCKETS, "key": KEYS, "secretRef": mostly(st.fixed_dictionaries({"name": NAMES}))},
    optional={"endpoint": ENDPOINTS, "region": mostly(text("ab-1", 1), text("ab-1A"))},
)
SOURCES = st.one_of(
    HANDLES.map(lambda handle: {"handle": handle}),
    mostly(st.fixed_dictionaries({"url": HANDLES})).map(lambda archive: {"archive": archive}),
    st.fixed_dictionaries(
        {"bucket": BUCKETS}, optional={"key": KEYS, "prefix": KEYS, "secretRef": st.fixed_dictionaries({"name": NAMES})}
    ).map(lambda s3: {"s3": s3}),
    mostly(st.fixed_dictionaries({"claimName": NAMES}, optional={"path": mostly(KEYS, text("ab./\n "))})).map(
        lambda volume: {"volume": volume}
    ),
)
SECOND_SOURCES = mostly(st.just({}), SOURCES).filter(lambda given: isinstance(given, dict))
SOURCED = st.builds(lambda one, other: one | other, SOURCES, SECOND_SOURCES)
PINNED = st.fixed_dictionaries(
    {},
    optional={
        "sha256": DIGESTS,
        "tags": mostly(st.lists(text("ab", 1, 4), max_size=8, unique=True), st.lists(text("ab"))),
    },
)
MODELS = st.builds(lambda source, pinned: source | pinned, SOURCED, PINNED)
SIGNATURES = st.fixed_dictionaries(
    {}, optional={"key": mostly(text("ab", 1)), "inputs": mostly(st.lists(PINS, max_size=3))}
)
NUMBERS = mostly(
    st.lists(st.sampled_from(["1", "0.5", "127.5"]), min_size=1, max_size=2), st.lists(text("01.-"), max_size=2)
)
NORMALIZATIONS = mostly(st.fixed_dictionaries({"mean": NUMBERS, "std": NUMBERS}))
DESCRIBED_INPUTS = mostly(
    st.fixed_dictionaries(
        {"name": mostly(text("abcdefgh", 3))},
        optional={"normalization": NORMALIZATIONS, "colorSpace": mostly(st.sampled_from(["RGB", "Grayscale"]))},
    )
)
DESCRIBED_OUTPUTS = mostly(
    st.fixed_dictionaries(
        {"name": mostly(text("abcdefgh", 3))},
        optional={"labels": mostly(st.lists(mostly(text("ab ", 1), text("a\n\r", 1)), min_size=1, max_size=4))},
    )
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("name", "description", "license"), mostly(text("ab \n", 1))),
        "inputs": mostly(st.lists(DESCRIBED_INPUTS, max_size=3)),
        "outputs": mostly(st.lists(DESCRIBED_OUTPUTS, max_size=3)),
    },
)
SAMPLES = st.fixed_dictionaries(
    {"dataset": mostly(joined("s3://abc/{}.npz", text("ab1_", 1)), HANDLES)},
    optional={
        "sha256": DIGESTS,
        "maxSamples": mostly(st.sampled_from([1, 10_000]), st.sampled_from([0, 10_001])),
        "images": mostly(st.fixed_dictionaries({}, optional={"mean": NUMBERS, "std": NUMBERS})),
    },
)
KEY_TEXTS = st.integers(0, 20).flatmap(lambda dice: text("ab./-") if dice == 7 else joined("a.b/{}", text("abc", 1)))
LABEL_KEYS = mostly(KEY_TEXTS)
LABELS = mostly(st.dictionaries(KEY_TEXTS, mostly(text("ab1"), text("a-.")), max_size=2))
VALUES = mostly(st.lists(mostly(text("ab1", 1)), min_size=1, max_size=2))
NUMBER_VALUES = mostly(st.just(["8"]), st.lists(text("1a"), max_size=2))
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"key": LABEL_KEYS, "operator": st.sampled_from(["In", "NotIn"]), "values": VALUES}),
    st.fixed_dictionaries({"key": LABEL_KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
NODE_CONDITIONS = st.one_of(
    CONDITIONS,
    st.fixed_dictionaries({"key": LABEL_KEYS, "operator": st.sampled_from(["Gt", "Lt"]), "values": NUMBER_VALUES}),
)
NODE_NAMES = st.just([{"key": "metadata.name", "operator": "In", "values": ["a"]}])
NODE_TERMS = mostly(
    st.fixed_dictionaries(
        {"matchExpressions": mostly(st.lists(mostly(NODE_CONDITIONS), min_size=1, max_size=2))},
        optional={"matchFields": mostly(NODE_NAMES)},
    ),
    st.fixed_dictionaries({}, optional={"matchFields": NODE_NAMES}),
)
SELECTORS = mostly(
    st.fixed_dictionaries(
        {}, optional={"matchLabels": LABELS, "matchExpressions": mostly(st.lists(mostly(CONDITIONS), max_size=2))}
    )
)
POD_TERMS = mostly(
    st.fixed_dictionaries(
        {"topologyKey": LABEL_KEYS, "labelSelector": SELECTORS},
        optional={
            "namespaces": mostly(st.lists(NAMES, max_size=2)),
            "namespaceSelector": SELECTORS,
            "matchLabelKeys": mostly(st.lists(LABEL_KEYS, max_size=2)),
        },
    )
)
WEIGHTS = mostly(st.sampled_from([1, 100]), st.sampled_from([0, 101]))
REQUIRED, PREFERRED = (f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("required", "preferred"))
POD_AFFINITIES = st.fixed_dictionaries(
    {},
    optional={
        REQUIRED: mostly(st.lists(POD_TERMS, max_size=2)),
        PREFERRED: mostly(
            st.lists(st.fixed_dictionaries({"weight": WEIGHTS, "podAffinityTerm": POD_TERMS}), max_size=2)
        ),
    },
)
AFFINITIES = st.fixed_dictionaries(
    {},
    optional={
        "nodeAffinity": mostly(
            st.fixed_dictionaries(
                {},
                optional={
                    REQUIRED: mostly(
                        st.fixed_dictionaries({"nodeSelectorTerms": st.lists(NODE_TERMS, min_size=1, max_size=2)})
                    ),
                    PREFERRED: mostly(
                        st.lists(st.fixed_dictionaries({"weight": WEIGHTS, "preference": NODE_TERMS}), max_size=2)
                    ),
                },
            )
        ),
        "podAffinity": mostly(POD_AFFINITIES),
        "podAntiAffinity": mostly(POD_AFFINITIES),
    },
)
SPREADS = st.fixed_dictionaries(
    {
        "maxSkew": mostly(st.sampled_from([1, 2])),
        "topologyKey": LABEL_KEYS,
        "whenUnsatisfiable": mostly(st.sampled_from(["DoNotSchedule", "ScheduleAnyway"])),
    },
    optional={"labelSelector": SELECTORS, "minDomains": mostly(st.just(2)), "matchLabelKeys": st.just(["a"])},
)
POD_METADATA = st.fixed_dictionaries(
    {},
    optional={
        "labels": LABELS,
        "annotations": mostly(st.dictionaries(KEY_TEXTS, mostly(text("a \n{", 1), text("a\x01")), max_size=2)),
    },
)
SIZES = mostly(st.sampled_from(["4Mi", 1, "1.5k"]), st.sampled_from([0, "m"]))
MILLISECONDS = mostly(st.sampled_from(["12", "0.5"]), st.sampled_from(["0", "12ms", ".5", 12]))
SPECS = st.fixed_dictionaries(
    {"model": mostly(MODELS), "destination": mostly(st.fixed_dictionaries({"s3": mostly(S3)}))},
    optional={
        "signature": mostly(SIGNATURES),
        "metadata": mostly(METADATA),
        "quantization": mostly(
            st.fixed_dictionaries({}, optional={"type": mostly(st.sampled_from(["None", "Float16", "DynamicRange"]))})
        ),
        "verification": mostly(
            st.fixed_dictionaries(
                {},
                optional={
                    "minSNRDecibels": mostly(st.sampled_from([0, 1, 200]), st.sampled_from([-1, 201])),
                    "samples": mostly(SAMPLES),
                },
            )
        ),
        "budget": mostly(
            st.fixed_dictionaries(
                {},
                optional={
                    **dict.fromkeys(("maxSizeBytes", "maxArenaBytes"), SIZES),
                    **dict.fromkeys(("maxLatencyMilliseconds", "maxRelativeLatency"), MILLISECONDS),
                    "threads": mostly(st.integers(1, 3), st.sampled_from([0, 257])),
                },
            )
        ),
        "targets": mostly(
            st.lists(
                st.fixed_dictionaries(
                    {"name": mostly(st.sampled_from(["EthosU", "Microcontroller", "GPU"]), st.just("NPU"))},
                    optional={
                        "config": st.sampled_from(["ethos-u55-128", "ethos-u55-1"]),
                        "minNPUOperators": st.sampled_from(["0.9", "2"]),
                        "maxArenaBytes": st.sampled_from(["1Ki", 0]),
                    },
                ),
                max_size=2,
            )
        ),
        "resources": mostly(st.fixed_dictionaries({}, optional={"requests": RESOURCE_LISTS, "limits": RESOURCE_LISTS})),
        "affinity": mostly(AFFINITIES),
        "topologySpreadConstraints": mostly(st.lists(SPREADS, max_size=2)),
        "podMetadata": mostly(POD_METADATA),
        "activeDeadlineSeconds": mostly(st.sampled_from([10, 60, 86400]), st.sampled_from([9, 86401])),
    },
)


def test_the_generated_specs_try_both_sides() -> None:
    verdicts = {True: 0, False: 0}

    @settings(max_examples=300, database=None, derandomize=True)
    @given(spec=SPECS)
    def count(spec: Object) -> None:
        verdicts[our_refusal(spec) is None] += 1

    count()
    assert min(verdicts.values()) > 60, verdicts


# Shrinking a disagreement takes many requests: let it.
@settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(spec=SPECS)
def test_the_models_and_the_api_server_agree_on_any_spec(server: Server, spec: Object) -> None:
    theirs, ours = server.refusal(spec), our_refusal(spec)
    assert (theirs is None) == (ours is None), f"API server: {theirs}\nmodels: {ours}"


@pytest.mark.parametrize("path", example_conversions(), ids=lambda path: path.stem)
def test_every_example_is_accepted(server: Server, path: Path) -> None:
    for resource in yaml.safe_load_all(path.read_text()):
        assert server.refusal(resource["spec"]) is None
        assert our_refusal(resource["spec"]) is None
