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

from bench.scale import operator_image, runs
from bench.scale.control_plane import ADDRESSES, ControlPlane
from bench.scale.measurements import Section, document, in_turn
from bench.scale.operator_process import OperatorProcess, Program
from dev.building import binaries
from dev.host.checkout import Checkout
from dev.host.commands import TIED
from dev.host.errors import DevError
from dev.host.lock import held

_INSIDE: Final = "BENCH_SCALE_INSIDE"
_NAMESPACES: Final = ("--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc")
_RUNS: Final = ("singly", "without-jobs", "whole")
_IN_TURN: Final = "in-turn"
"""The first part of the whole run, over and over: no machine has the same pace from minute to minute."""
_OPERATOR: Final = "operator"
_PEER: Final = "peer"
"""A controller written in Go for this benchmark: dev/scale_peer."""
_CONTROLLERS: Final = (_OPERATOR, _PEER)


def main(
    run: Annotated[
        list[str], typer.Option(help=f"Which runs; by default {', '.join(_RUNS)}. Another is {_IN_TURN}.")
    ] = [*_RUNS],  # noqa: B006 - never changed
    controller: Annotated[list[str], typer.Option(help="Whose; both by default, in turn.")] = [*_CONTROLLERS],  # noqa: B006
    many: Annotated[int, typer.Option(min=1, help="Conversions applied at once.")] = 1000,
    more: Annotated[int, typer.Option(min=1, help="Conversions in all, at the restart and at rest.")] = 5000,
    rounds: Annotated[int, typer.Option(min=1, help=f"How often {_IN_TURN} measures each.")] = 5,
) -> None:
    """Measure the operator on kwok nodes."""
    if unknown := sorted(set(run) - {*_RUNS, _IN_TURN}):
        sys.exit(f"--run {', '.join(unknown)}: use {', '.join((*_RUNS, _IN_TURN))}")
    if unknown := sorted(set(controller) - set(_CONTROLLERS)):
        sys.exit(f"--controller {', '.join(unknown)}: use {', '.join(_CONTROLLERS)}")
    checkout = Checkout.here()
    folder = checkout.cache / "bench" / "scale"
    try:
        if os.environ.get(_INSIDE):
            _measure(checkout, folder, run, controller, (many, more), rounds)
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
        operator_image.make(checkout)
        command = [*TIED, "unshare", *_NAMESPACES, "--", sys.executable, "-m", "bench.scale", *sys.argv[1:]]
        done = subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def _measure(
    checkout: Checkout,
    folder: Path,
    wanted: list[str],
    controllers: list[str],
    numbers: tuple[int, int],
    rounds: int,
) -> None:
    _connect()
    folder.mkdir(parents=True, exist_ok=True)
    programs = {
        _OPERATOR: operator_image.program(checkout, folder),
        _PEER: Program((str(checkout.bin / "scale-peer"),), {}),
    }
    for name in wanted:
        told: dict[str, list[tuple[str, Section]]] = {}
        for _ in range(rounds if name == _IN_TURN else 1):
            for controller in controllers:
                place = folder / f"{name}-{controller}"
                shutil.rmtree(place, ignore_errors=True)
                for section in asyncio.run(_run(checkout, place, name, programs[controller], numbers)):
                    told.setdefault(section.title, []).append((controller, section))
                    print(f"{controller}: {section.brief}", flush=True)
        text = "\n".join(document(_by_controller(title, sections)) for title, sections in told.items())
        (folder / f"{name}.md").write_text(text)
        print(f"\n{text}", flush=True)


async def _run(checkout: Checkout, place: Path, name: str, program: Program, numbers: tuple[int, int]) -> list[Section]:
    measured: list[Section] = []

    def start(plane: ControlPlane) -> OperatorProcess:
        return OperatorProcess(plane, program)

    many, more = numbers
    match name:
        case "singly":
            await runs.singly(checkout, place, start, measured.append)
        case "without-jobs":
            await runs.at_once(checkout, place, start, many, measured.append, job_controller=False)
        case "whole":
            await runs.whole(checkout, place, start, many, max(many, more), measured.append)
        case _:
            await runs.at_once(checkout, place, start, many, measured.append, job_controller=True)
    return measured


def _by_controller(title: str, sections: list[tuple[str, Section]]) -> dict[str, Section]:
    rounds: dict[str, list[Section]] = {}
    for controller, section in sections:
        rounds.setdefault(controller, []).append(section)
    return {name: each[0] if len(each) == 1 else in_turn(title, each) for name, each in rounds.items()}


def _connect() -> None:
    """Add a loopback device with the control plane's address to the empty network namespace."""
    for command in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "address", "add", f"{ADDRESSES.node}/16", "dev", "lo"),
    ):
        subprocess.run(command, check=True)


if __name__ == "__main__":
    typer.run(main)
