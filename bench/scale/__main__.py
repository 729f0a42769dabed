"""`python -m bench.scale`: the operator with thousands of conversions beside a peer in Go, into .cache/bench/scale/.

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
from bench.scale.control_plane import ADDRESSES, ControlPlane
from bench.scale.measurements import Section, document
from bench.scale.operator_process import OPERATOR, OperatorProcess
from dev import binaries
from dev.checkout import Checkout
from dev.commands import TIED
from dev.errors import DevError
from dev.lock import held

_INSIDE: Final = "BENCH_SCALE_INSIDE"
_NAMESPACES: Final = ("--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc")
_RUNS: Final = ("singly", "without-jobs", "whole")
_OPERATOR: Final = "operator"
_PEER: Final = "peer"
"""A controller written in Go for this benchmark: dev/scale_peer."""
_CONTROLLERS: Final = (_OPERATOR, _PEER)


def main(
    run: Annotated[list[str], typer.Option(help="Which runs; all by default.")] = [*_RUNS],  # noqa: B006 - never changed
    controller: Annotated[list[str], typer.Option(help="Whose; both by default, in turn.")] = [*_CONTROLLERS],  # noqa: B006
    many: Annotated[int, typer.Option(min=1, help="Conversions applied at once.")] = 1000,
    more: Annotated[int, typer.Option(min=1, help="Conversions in all, at the restart and at rest.")] = 5000,
) -> None:
    """Measure the operator on kwok nodes."""
    if unknown := sorted(set(run) - set(_RUNS)):
        sys.exit(f"--run {', '.join(unknown)}: use {', '.join(_RUNS)}")
    if unknown := sorted(set(controller) - set(_CONTROLLERS)):
        sys.exit(f"--controller {', '.join(unknown)}: use {', '.join(_CONTROLLERS)}")
    checkout = Checkout.here()
    folder = checkout.cache / "bench" / "scale"
    try:
        if os.environ.get(_INSIDE):
            _measure(checkout, folder, run, controller, many, more)
        else:
            _enter(checkout, folder)
    except DevError as error:
        sys.exit(str(error))


def _enter(checkout: Checkout, folder: Path) -> None:
    """Do the same again in namespaces of its own; programs are built outside, where there is a network."""
    with held(folder.with_suffix(".lock"), "another scale benchmark"):
        binaries.make(checkout)
        for program in binaries.FOR_SCALE:
            binaries.make_tool(checkout, program.name)
        command = [*TIED, "unshare", *_NAMESPACES, "--", sys.executable, "-m", "bench.scale", *sys.argv[1:]]
        done = subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def _measure(checkout: Checkout, folder: Path, wanted: list[str], controllers: list[str], many: int, more: int) -> None:
    _connect()
    for name in wanted:
        measured: dict[str, dict[str, Section]] = {}
        for controller in controllers:
            asyncio.run(_run(checkout, folder, name, controller, (many, more), measured))
        text = "\n".join(document(sections) for sections in measured.values())
        (folder / f"{name}.md").write_text(text)
        print(f"\n{text}", flush=True)


async def _run(
    checkout: Checkout,
    folder: Path,
    name: str,
    controller: str,
    numbers: tuple[int, int],
    measured: dict[str, dict[str, Section]],
) -> None:
    command = OPERATOR if controller == _OPERATOR else (str(checkout.bin / "scale-peer"),)
    place = folder / f"{name}-{controller}"
    shutil.rmtree(place, ignore_errors=True)

    def start(plane: ControlPlane) -> OperatorProcess:
        return OperatorProcess(plane, command)

    def say(section: Section) -> None:
        measured.setdefault(section.title, {})[controller] = section

    many, more = numbers
    match name:
        case "singly":
            await runs.singly(checkout, place, start, say)
        case "without-jobs":
            await runs.without_jobs(checkout, place, start, many, say)
        case "whole":
            await runs.whole(checkout, place, start, many, max(many, more), say)


def _connect() -> None:
    """Give the empty network namespace a loopback device with the control plane's address."""
    for command in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "address", "add", f"{ADDRESSES.node}/16", "dev", "lo"),
    ):
        subprocess.run(command, check=True)


if __name__ == "__main__":
    typer.run(main)
