"""`python -m bench.scale`: the operator with thousands of conversions, into .cache/bench/scale.md.

It runs on a control plane of its own (control_plane.py) in network and process namespaces of its own: no port is taken
twice, and all of it ends with the benchmark. Conversions, Jobs, the scheduler and controllers are real; kwok plays the
nodes, and what the converter's containers would do (stages.py).
"""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from bench.scale import runs
from bench.scale.control_plane import ADDRESSES
from bench.scale.operator_process import OperatorProcess
from dev import binaries
from dev.checkout import Checkout
from dev.commands import TIED
from dev.errors import DevError
from dev.lock import held

_INSIDE: Final = "BENCH_SCALE_INSIDE"
_NAMESPACES: Final = ("--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc")
_RUNS: Final = ("singly", "without-jobs", "whole")


def main(
    run: Annotated[list[str], typer.Option(help="Which runs; all by default.")] = [*_RUNS],  # noqa: B006 - never changed
    many: Annotated[int, typer.Option(min=1, help="Conversions applied at once.")] = 1000,
    more: Annotated[int, typer.Option(min=1, help="Conversions in all, at rest and at the restart.")] = 5000,
) -> None:
    """Measure the operator on kwok nodes."""
    if unknown := sorted(set(run) - set(_RUNS)):
        sys.exit(f"--run {', '.join(unknown)}: use {', '.join(_RUNS)}")
    checkout = Checkout.here()
    folder = checkout.cache / "bench" / "scale"
    try:
        if os.environ.get(_INSIDE):
            _measure(checkout, folder, run, many, more)
        else:
            _enter(checkout, folder)
    except DevError as error:
        sys.exit(str(error))


def _enter(checkout: Checkout, folder: Path) -> None:
    """Do the same again in namespaces of its own; programs are built outside, where there is a network."""
    with held(folder.with_suffix(".lock"), "another scale benchmark"):
        binaries.make(checkout)
        binaries.make_tool(checkout, binaries.KWOK.name)
        command = [*TIED, "unshare", *_NAMESPACES, "--", sys.executable, "-m", "bench.scale", *sys.argv[1:]]
        done = subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def _measure(checkout: Checkout, folder: Path, wanted: list[str], many: int, more: int) -> None:
    _connect()
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        folder.with_suffix(".md").write_text("\n".join(told))
        print(f"\n{text}", flush=True)

    for name in wanted:
        shutil.rmtree(folder / name, ignore_errors=True)
        made = (checkout, folder / name, OperatorProcess)
        match name:
            case "singly":
                asyncio.run(runs.singly(*made, say))
            case "without-jobs":
                asyncio.run(runs.without_jobs(*made, many, say))
            case "whole":
                asyncio.run(runs.whole(*made, many, max(many, more), say))


def _connect() -> None:
    """Give the empty network namespace a loopback device with the control plane's address."""
    for command in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "address", "add", f"{ADDRESSES.node}/16", "dev", "lo"),
    ):
        subprocess.run(command, check=True)


if __name__ == "__main__":
    typer.run(main)
