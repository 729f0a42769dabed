"""Writes docs/cli.md from the command line itself: `python -m dev.generate.cli_page`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer
from pydantic import BaseModel
from typer.cli import get_docs_for_click

from dev.generate import prose
from dev.host.checkout import Checkout
from tflite_converter.cli.app import PROGRAM, app
from tflite_converter.compare.comparison import ArtifactComparison
from tflite_converter.core.local_spec import LocalModelSource
from tflite_converter.inspection.findings import Inspection

PAGE: Final = Checkout.here().root / "docs/cli.md"

_BEGINNING: Final = """\
<!-- Written by `python -m dev.generate.cli_page` from converter_image/tflite_converter/cli/app.py. -->

# Command line

`tflite-convert` is in the converter image, and on your own machine after

```console
$ pip install --require-hashes --no-deps -r locks/build.txt -r locks/converter.txt
$ pip install --no-deps --no-build-isolation .
```

`tflite-convert --install-completion` teaches your shell to complete its commands and options. Results go to stdout,
progress and logs to stderr. There are colours and moving lines on a terminal only, and none if `NO_COLOR` is set.

## Exit codes

| code | means |
| --- | --- |
| 0 | done |
| 1 | an error of `tflite-convert` itself, with a traceback: report it |
| 2 | the command line is wrong; the message says what to write instead |
| 3 | the spec, the model or another file must change; the reason is one of [these](reasons.md) |
| 4 | another try may help: a server did not answer |
| 130 | interrupted |

With `--json` a failure of `inspect` or `compare` is an object on stdout, too: `outcome` (`STALLED` for code 3,
`RETRIED` for 4), `reason`, `message`.
"""
_JSON: Final = (("inspect", Inspection), ("compare", ArtifactComparison))

Schema = Mapping[str, Any]


def page() -> str:
    """Return the page."""
    group = typer.main.get_group(app)
    context = typer.Context(group, info_name=PROGRAM, **group.context_settings)
    parts = [_BEGINNING]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            parts.append(get_docs_for_click(obj=command, ctx=context, indent=1, call_prefix=PROGRAM).rstrip() + "\n")
    for name, model in _JSON:
        parts.append("\n".join(_shape(name, model)))
    return prose.broken("\n".join(parts))


def _shape(command: str, model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True, mode="serialization")
    yield f"## What `{PROGRAM} {command} --json` prints\n"
    yield f"An object of the kind `{model.__name__}`. A field that does not apply is absent.\n"
    elsewhere = {LocalModelSource.__name__, *LocalModelSource.model_json_schema().get("$defs", {})}
    for name, kind in ((model.__name__, schema), *schema["$defs"].items()):
        if "properties" in kind and name not in elsewhere:
            yield f"### {command}: {name}\n"
            yield f"{' '.join(kind['description'].split())}\n"
            yield "| field | type | |\n| --- | --- | --- |"
            yield from (_row(field, of) for field, of in kind["properties"].items())
            yield ""


def _row(name: str, field: Schema) -> str:
    return f"| `{name}` | {_type(field)} | {' '.join(field.get('description', '').split())} |"


def _type(field: Schema) -> str:
    match field:
        case {"$ref": reference}:
            words = str(reference).rpartition("/")[2]
        case {"anyOf": [*either]}:
            words = _type(next(one for one in either if one.get("type") != "null"))
        case {"const": value}:
            words = f"`{value}`"
        case {"enum": [*values]}:
            words = " or ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": items}:
            words = f"list of {_type(items)}"
        case {"type": "object", "additionalProperties": values}:
            words = f"map of {_type(values)}"
        case _:
            words = str(field["type"])
    return words


if __name__ == "__main__":
    PAGE.write_text(page())
