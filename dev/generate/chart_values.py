"""Writes what the Helm chart says of its values: the settings in their schema, and the table in its README.

The settings' home is the operator's code, that of every other value's description is the schema itself.
`python -m dev.generate.manifests` calls it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tflite_operator.settings import Settings

OTHER_VALUES: Final = frozenset(
    {"converter_image", "watch_namespaces"}
    | {"converter_pull_secrets", "converter_ca_config_map", "converter_ca_key"}
    | {f"converter_{name}" for name in ("http_proxy", "https_proxy", "no_proxy", "proxy_secret")}
)
"""Settings that have a value of their own in the chart."""
FIXED: Final = frozenset({"http_port", "lease_name", "lease_namespace"})
"""Settings that other objects of the chart depend on."""
_KEPT: Final = frozenset(
    {"type", "default", "description", "minimum", "maximum", "exclusiveMinimum", "pattern", "minLength"}
)
_COMMENT: Final = "`python -m dev.generate.manifests` writes properties.settings; the rest is written by hand."
_TABLE: Final = re.compile(
    r"(?<=<!-- values: written by `python -m dev\.generate\.manifests` -->\n\n).*?(?=<!-- end -->)", re.DOTALL
)

Object = dict[str, Any]


def settings_schema() -> Object:
    """Return the JSON schema of each setting, by its name in the chart's values."""
    properties = Settings.model_json_schema()["properties"]
    return {
        _camel_case(name): {key: value for key, value in _plain(said).items() if key in _KEPT}
        for name, said in properties.items()
        if name not in OTHER_VALUES | FIXED
    }


def _plain(said: Object) -> Object:
    """Return a setting's schema; what is in an object, the operator looks at when it starts."""
    return said | {"type": "object", "default": {}} if "$ref" in said else said


def schema(written: str) -> str:
    """Return values.schema.json with the present settings."""
    by_hand: Object = json.loads(written)
    whole: Object = {"$comment": _COMMENT} | by_hand | {"$comment": _COMMENT}
    whole["properties"]["settings"]["properties"] = settings_schema()
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def readme(written: str, schema: str, values: str) -> str:
    """Return the chart's README with the table of values."""
    whole: Object = json.loads(schema)
    rows = "".join(
        f"| `{name}` | {default} | {what} |\n" for name, default, what in _rows(whole, yaml.safe_load(values))
    )
    table = f"| value | default | what it is |\n| --- | --- | --- |\n{rows}"
    return _TABLE.sub(lambda _: f"{table}\n", written)


def _rows(schema: Object, values: Object) -> Iterator[tuple[str, str, str]]:
    return _below("", schema, values, schema["$defs"])


def _below(
    prefix: str, schema: Mapping[str, Any], values: Object, definitions: Object
) -> Iterator[tuple[str, str, str]]:
    for name, said in schema["properties"].items():
        if name == "global":
            continue
        meant = definitions[said["$ref"].rpartition("/")[2]] | said if "$ref" in said else said
        value = values.get(name, meant.get("default"))
        if isinstance(value, dict) and "properties" in meant and name != "resources":
            yield from _below(f"{prefix}{name}.", meant, value, definitions)
        else:
            yield f"{prefix}{name}", f"`{json.dumps(value)}`", meant["description"].replace("\n", " ")


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def written(chart: Path) -> dict[Path, str]:
    """Return both files as they should be, by path."""
    made = schema((chart / "values.schema.json").read_text())
    page = readme((chart / "README.md").read_text(), made, (chart / "values.yaml").read_text())
    return {chart / "values.schema.json": made, chart / "README.md": page}
