"""Arguments and options that several commands take."""

import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from tflite_converter.core.local_spec import LocalModelSource

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="A TensorFlow Hub handle, the web address of an archive, s3:// with a bucket and an archive or folder in"
        " it, the address of a model's page on Kaggle, or a SavedModel folder or archive on this machine.",
    ),
]
ModelEndpoint = Annotated[
    str | None,
    typer.Option(
        "--model-endpoint",
        metavar="URL",
        help="The S3 server of a model at s3://, if it is not AWS. Its credentials are MODEL_AWS_ACCESS_KEY_ID"
        " and MODEL_AWS_SECRET_ACCESS_KEY in the environment, if it needs any.",
    ),
]
ModelRegion = Annotated[
    str | None,
    typer.Option("--model-region", metavar="REGION", help="The region of the bucket, if it is not us-east-1."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="TAG", help="A tag of the graph to take, as in model.tags; can be given several times."
    ),
]
AllowLocalAddresses = Annotated[
    bool, typer.Option("--allow-local-addresses", help="Fetch models from loopback and link-local addresses too.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show TensorFlow's own log as well.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs; its shape is in docs/cli.md.")]

_OPTIONS: Final = {"tags": "--tag", "endpoint": "--model-endpoint", "region": "--model-region"}
"""Which option gives a field of a model's source."""


def read_model(
    text: str, tags: list[str] | None, endpoint: str | None, region: str | None, *, argument: str = "MODEL"
) -> "LocalModelSource":
    """Take a model as people name it: an address, or a file or folder of this machine.

    Args:
        text: what was written.
        tags: of the graph to take; None to have it chosen.
        endpoint: the S3 server of an s3:// address; None for AWS.
        region: of the bucket; None for the first.
        argument: names it in messages.

    Raises:
        BadParameter: it is neither, or an option about it makes no sense, with what to write instead.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - a command pays for its own imports only

    from tflite_api.sources.source import AddressError  # noqa: PLC0415 - see above
    from tflite_converter.fetch.address import Bucket, source_of  # noqa: PLC0415 - see above

    try:
        return source_of(text, tags, Bucket(endpoint, region), os.environ)
    except ValidationError as error:
        words = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        fields = (part for problem in error.errors() for part in problem["loc"])
        hint = next((_OPTIONS[part] for part in fields if part in _OPTIONS), argument)
        raise typer.BadParameter(words, param_hint=hint) from error
    except AddressError as error:
        raise typer.BadParameter(str(error), param_hint=argument) from error
