"""Writes docs/spec.md and docs/status.md from the CRD, the one home of the fields.

The command is `python -m dev.generate.fields_page`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from dev.generate import prose
from dev.host.checkout import Checkout

ROOT: Final = Checkout.here().root
PAGES: Final = {"spec": ROOT / "docs/spec.md", "status": ROOT / "docs/status.md"}
_CRD: Final = ROOT / "crds/tfliteconversions.yaml"

Schema = Mapping[str, Any]

_OF_KUBERNETES: Final = {
    "spec.affinity": "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#affinity-v1-core",
    "spec.topologySpreadConstraints": (
        "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#topologyspreadconstraint-v1-core"
    ),
}
"""Fields with the structure of one of Kubernetes' own types, and the page that has theirs."""

_BEGINNING: Final = """\
<!-- Written by `python -m dev.generate.fields_page` from crds/tfliteconversions.yaml. -->

# Fields of the {part}

{description}

All fields of `{part}` of a `TFLiteConversion` ({version}); [another page]({other}.md) has those of the {other}.
`kubectl explain tflc.{part} --recursive` says the same of the version that your cluster serves.
`[]` stands for each item of a list, `{{}}` for each value of a map.
"""


def page(part: str) -> str:
    """Return the page of the spec or of the status."""
    crd = yaml.safe_load(_CRD.read_text())["spec"]
    [version] = crd["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"][part]
    [other] = PAGES.keys() - {part}
    beginning = _BEGINNING.format(
        part=part, other=other, version=f"`{crd['group']}/{version['name']}`", description=schema["description"].strip()
    )
    sections = (line for name, field in _fields(schema, part) for line in _section(name, field, schema))
    return prose.broken("\n".join([beginning, *_rules(schema), *sections]))


def _fields(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Yield all fields below, with their paths, parents first."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        if f"{path}.{name}" not in _OF_KUBERNETES:
            yield from _fields(field, f"{path}.{name}")
    if "items" in schema:
        yield from _fields(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _fields(schema["additionalProperties"], f"{path}{{}}")


def _section(name: str, schema: Schema, part: Schema) -> Iterator[str]:
    yield f"## `{name}`\n"
    facts = [_type(schema), *(["required"] if _required(name, part) else []), *_limits(schema)]
    yield f"*{'; '.join(facts)}*\n"
    if "description" in schema:
        yield f"{' '.join(schema['description'].split())}\n"
    if name in _OF_KUBERNETES:
        yield f"Its fields are those of [Kubernetes]({_OF_KUBERNETES[name]}).\n"
    yield from _rules(schema)


def _rules(schema: Schema) -> Iterator[str]:
    """Yield what the API server says of a wrong value."""
    rules = [*schema.get("x-kubernetes-validations", []), *schema.get("items", {}).get("x-kubernetes-validations", [])]
    for rule in rules:
        if "message" in rule:
            yield f"- {rule['message']}"
    if rules:
        yield ""


def _required(name: str, part: Schema) -> bool:
    """Return whether the parent requires the field."""
    schema: Any = part
    *parents, last = name.split(".")[1:]
    for parent in parents:
        plain = parent.rstrip("[]{}")
        schema = schema["properties"][plain]
        if parent.endswith("[]"):
            schema = schema["items"]
        elif parent.endswith("{}"):
            schema = schema["additionalProperties"]
    return last in schema.get("required", [])


def _type(schema: Schema) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    kind = schema["type"]
    if kind == "array":
        return f"list of {schema['items'].get('type', 'number')}s"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map to {schema['additionalProperties'].get('type', 'number')}s"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


_LIMITS: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} entries",
    "pattern": "matches `{}`",
}


def _limits(schema: Schema) -> Iterator[str]:
    if "default" in schema:
        yield f"default `{_word(schema['default'])}`"
    if "enum" in schema:
        yield f"one of {', '.join(f'`{_word(value)}`' for value in schema['enum'])}"
    for key, words in _LIMITS.items():
        if key in schema:
            yield words.format(schema[key])


def _word(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()


if __name__ == "__main__":
    for part, path in PAGES.items():
        path.write_text(page(part))
