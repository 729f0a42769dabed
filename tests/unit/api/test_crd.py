"""The CRD and the models say the same; every field is described; defaults stay out of list items."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from tflite_api import names
from tflite_api.resource.pods.metadata import RESERVED_KEYS, RESERVED_PREFIXES
from tflite_api.resource.quantization_types import CALIBRATED, SELECTIVE, WITH_INTEGER_IO, QuantizationType, named
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import ConversionStatus

ROOT = Path(__file__).parents[3]
CRD = yaml.safe_load((ROOT / "crds/tfliteconversions.yaml").read_text())
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
Node = dict[str, Any]


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    if "items" in node:
        yield from walk(node["items"], f"{path}[]")


def resolve(node: Node, definitions: Node) -> Node:
    """Follow references, and drop the null that pydantic writes for absent fields."""
    if "$ref" in node:
        return resolve(
            definitions[node["$ref"].rsplit("/", 1)[1]] | {k: v for k, v in node.items() if k != "$ref"}, definitions
        )
    choices = [choice for choice in node.get("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        return resolve(choices[0], definitions)
    return node


def without_nulls(default: object) -> object:
    return {k: v for k, v in default.items() if v is not None} if isinstance(default, dict) else default


def compare(crd: Node, model: Node, definitions: Node, path: str) -> Iterator[str]:
    """Name every difference in fields, required fields, defaults and enums."""
    model = resolve(model, definitions)
    ours, theirs = set(crd.get("properties", {})), set(model.get("properties", {}))
    if ours != theirs:
        yield f"{path}: fields {ours ^ theirs}"
    if set(crd.get("required", [])) != set(model.get("required", [])):
        yield f"{path}: required {crd.get('required')} {model.get('required')}"
    choices = [model["const"]] if "const" in model else model.get("enum")
    if crd.get("enum") != choices:
        yield f"{path}: enum {crd.get('enum')} {choices}"
    for name in ours & theirs:
        mine, other = crd["properties"][name], model["properties"][name]
        if mine.get("default") not in ({}, without_nulls(other.get("default"))):
            yield f"{path}.{name}: default {mine.get('default')!r} {other.get('default')!r}"
        yield from compare(mine, other, definitions, f"{path}.{name}")
    if "items" in crd:
        yield from compare(crd["items"], model["items"], definitions, f"{path}[]")


@pytest.mark.parametrize(("field", "model"), [("spec", ConversionSpec), ("status", ConversionStatus)])
def test_the_models_have_the_fields_defaults_and_enums_of_the_crd(field: str, model: type[BaseModel]) -> None:
    schema = model.model_json_schema(by_alias=True)
    found = [
        # metav1.Condition does not require observedGeneration; the operator always writes it.
        line
        for line in compare(SCHEMA["properties"][field], schema, schema.get("$defs", {}), field)
        if not line.startswith("status.conditions[]: required")
    ]
    assert found == []


def test_every_field_has_a_description() -> None:
    bare = [path for path, node in walk(SCHEMA) if "description" not in node and not path.endswith("[]")]
    assert bare == [".metadata"]


def test_no_default_stands_inside_a_list_item() -> None:
    # Argo CD shows such a default as a difference for ever.
    assert [path for path, node in walk(SCHEMA) if "[]" in path and "default" in node] == []


def is_bounded(node: Node) -> bool:
    """Return whether a node says how long it may be at most."""
    match node.get("type"):
        case "string":
            return "maxLength" in node or "enum" in node
        case "array":
            return "maxItems" in node
        case "object":
            return "maxProperties" in node or "additionalProperties" not in node
    return "maxLength" in node or not node.get("x-kubernetes-int-or-string")


def test_everything_in_a_spec_is_bounded() -> None:
    spec = SCHEMA["properties"]["spec"]
    free = [node for _, node in walk(spec) if isinstance(node.get("additionalProperties"), dict)]
    nodes = [*walk(spec), *(("", node["additionalProperties"]) for node in free)]
    assert [path for path, node in nodes if not is_bounded(node)] == []


def test_every_rule_has_a_message_for_people() -> None:
    rules = [rule for _, node in walk(SCHEMA) for rule in node.get("x-kubernetes-validations", [])]
    assert len(rules) >= 12
    assert [rule["rule"] for rule in rules if not rule.get("message")] == []


def test_names_are_those_of_the_api_package() -> None:
    assert CRD["spec"]["group"] == names.GROUP
    assert CRD["spec"]["names"]["kind"] == names.KIND
    assert CRD["spec"]["names"]["plural"] == names.PLURAL
    assert VERSION["name"] == names.VERSION
    assert CRD["metadata"]["name"] == f"{names.PLURAL}.{names.GROUP}"


def test_an_unseen_conversion_is_in_progress_for_kstatus() -> None:
    assert SCHEMA["properties"]["status"]["default"] == {"observedGeneration": -1}


def test_the_documents_give_the_gates_that_are_in_force() -> None:
    said = SCHEMA["properties"]["spec"]["properties"]["verification"]["properties"]["minSNRDecibels"]["description"]
    stated = re.findall(r"(\d+) for ((?:[A-Z]\w+(?:, | and )?)+)", said)
    gates = {kind: kind.min_snr_decibels for kind in QuantizationType}
    assert {kind: int(gate) for gate, kinds in stated for kind in re.findall(r"\w{4,}", kinds)} == gates
    page = (ROOT / "docs/converting.md").read_text()
    assert [kind for kind, gate in gates.items() if f"| `{kind}` | {gate} |" not in page] == []


@pytest.mark.parametrize(
    ("field", "kinds"), [("calibration", CALIBRATED), ("io Int8 and UInt8", WITH_INTEGER_IO), ("keepFloat", SELECTIVE)]
)
def test_the_rules_about_quantization_name_the_types_of_the_table(
    field: str, kinds: tuple[QuantizationType, ...]
) -> None:
    rules = SCHEMA["properties"]["spec"]["properties"]["quantization"]["x-kubernetes-validations"]
    be = "are" if " and " in field else "is"
    rule = next(one["rule"] for one in rules if one["message"] == f"{field} {be} for {named(kinds)}: leave it out")
    # What Auto may have depends on its candidates, and has rules of its own.
    assert set(re.findall(r"'([A-Z]\w+)'", rule)) - {"Float32", "Auto"} == set(kinds)


@pytest.mark.parametrize("kind", ["labels", "annotations"])
@pytest.mark.parametrize("part", ["rule", "messageExpression"])
def test_the_schema_and_the_models_reserve_the_same_keys(kind: str, part: str) -> None:
    marks = SCHEMA["properties"]["spec"]["properties"]["podMetadata"]["properties"][kind]
    [rule] = [one for one in marks["x-kubernetes-validations"] if "startsWith" in one["rule"]]
    keys, prefixes = re.findall(r"\[('[^]]+')\]", rule[part])
    assert tuple(re.findall(r"'([^']+)'", keys)) == RESERVED_KEYS
    assert tuple(re.findall(r"'([^']+)'", prefixes)) == RESERVED_PREFIXES
