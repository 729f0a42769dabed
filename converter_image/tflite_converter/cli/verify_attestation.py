"""`tflite-convert verify-attestation`: is this artifact the one that a key's owner says was made so?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tflite_api.names import BUILDER_ID


def verify_attestation(
    artifact: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The artifact (.tflite).", show_default=False)],
    attestation: Annotated[
        Path, typer.Argument(metavar="ATTESTATION", help="Its attestation (.intoto.jsonl).", show_default=False)
    ],
    key: Annotated[Path, typer.Option("--key", help="Public key that it must be signed with, such as cosign.pub.")],
    builder_id: Annotated[str, typer.Option("--builder-id", help="Builder that it must name.")] = BUILDER_ID,
    as_json: Annotated[bool, typer.Option("--json", help="Print the statement that was signed, as JSON.")] = False,
) -> None:
    """Check that an attestation is signed by a key, is about this artifact, and names its builder.

    Shows what the artifact was made of. Reads only files, and needs neither a cluster nor a network.

    Exits with 0 if the attestation is valid, 3 if it is refused, and 2 if a file cannot be read or is of another kind.
    """
    from tflite_api.steps.step import ExitCode  # noqa: PLC0415 - a command pays for its own imports only
    from tflite_converter.signing import verify  # noqa: PLC0415 - see above

    try:
        checked = verify.check(artifact, attestation, key, builder_id)
    except verify.UnreadableError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(ExitCode.USAGE) from error
    except verify.CheckFailedError as error:
        typer.echo(f"{attestation} is refused: {error}", err=True)
        raise typer.Exit(ExitCode.SPEC_MUST_CHANGE) from error
    if as_json:
        typer.echo(json.dumps(checked.statement, indent=2))
        return
    typer.echo(f"{artifact} is what {attestation} speaks of, signed by {checked.key_id}")
    for line in _facts(checked.statement.get("predicate")):
        typer.echo(line)


def _facts(predicate: object) -> Iterator[str]:
    """Yield a line for each thing that the artifact was made of, and one for when."""
    definition, details = _part(predicate, "buildDefinition"), _part(predicate, "runDetails")
    materials = definition.get("resolvedDependencies")
    for material in materials if isinstance(materials, list) else ():
        if isinstance(material, dict):
            digests = ", ".join(f"{name}:{value}" for name, value in _part(material, "digest").items())
            yield _line(str(material.get("name")), f"{material.get('uri')} {digests or '(no digest)'}")
    run = _part(details, "metadata")
    yield _line("run", f"{run.get('invocationId')} {run.get('finishedOn')}")


def _part(given: object, name: str) -> dict[str, Any]:
    part = given.get(name) if isinstance(given, dict) else None
    return part if isinstance(part, dict) else {}


def _line(name: str, words: str) -> str:
    from tflite_api.text import one_line  # noqa: PLC0415 - see above

    return f"  {one_line(name, 24):<14}{one_line(words, 400)}"
