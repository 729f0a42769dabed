"""Arguments and options that several commands take."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

if TYPE_CHECKING:
    from tflite_converter.local_spec import LocalModelSource

_ARCHIVE: Final = re.compile(r"\.(tar|tar\.gz|tgz|zip)$")

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="A TensorFlow Hub handle, the web address of an archive, or a SavedModel folder or archive here.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="A tag of the graph to take, as in model.tags; again for another."),
]
AllowLocalAddresses = Annotated[
    bool, typer.Option("--allow-local-addresses", help="Fetch models from loopback and link-local addresses too.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show TensorFlow's own log as well.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs; its shape is in docs/cli.md.")]


def read_model(text: str, tags: list[str] | None, *, argument: str = "MODEL") -> "LocalModelSource":
    """Take a model as people name it: an address, or a file or folder of this machine.

    Args:
        text: what was written.
        tags: of the graph to take; None to have it chosen.
        argument: names it in messages.

    Raises:
        BadParameter: it is neither, or the tags are none, with what to write instead.
    """
    from tflite_converter.local_spec import LocalModelSource  # noqa: PLC0415 - a command pays for its own imports only

    if "://" not in text and not Path(text).exists():
        raise typer.BadParameter(
            f"there is no file or folder {text} here: write one that is, or an address such as"
            " https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5",
            param_hint=argument,
        )
    try:
        return LocalModelSource.from_object(_address(text) | ({"tags": tags} if tags else {}))
    except ValidationError as error:
        words = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        is_tags = any(problem["loc"][:1] == ("tags",) for problem in error.errors())
        raise typer.BadParameter(words, param_hint="--tag" if is_tags else argument) from error


def _address(text: str) -> dict[str, Any]:
    if "://" not in text:
        return {"handle": Path(text).resolve().as_uri()}
    # A Hub handle has no query, and is answered with an archive of no name.
    if text.startswith("http") and (_ARCHIVE.search(urlsplit(text).path) or "?" in text):
        return {"archive": {"url": text}}
    return {"handle": text}
