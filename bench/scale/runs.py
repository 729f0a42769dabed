"""The runs: what is done to the operator, in which order, and what is read off."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.scale.control_plane import ADDRESSES, ControlPlane, machine_cpu_seconds
from bench.scale.measurements import Line, delays, document
from bench.scale.operator_process import OperatorProcess, by_kind, status_writes, writes
from bench.scale.outside import Client
from dev.checkout import Checkout

_PATIENCE: Final = 900.0
_WATCHED_SECONDS: Final = 60.0
_SINGLE: Final = 200

Say = Callable[[str], None]
Start = Callable[[ControlPlane], OperatorProcess]


async def whole(checkout: Checkout, folder: Path, start: Start, many: int, more: int, say: Say) -> None:
    """Apply many conversions at once, then more; look at the operator at rest; start it again."""
    with ControlPlane(checkout, folder) as plane:
        async with Client.connect(ADDRESSES, plane.pki) as client:
            with start(plane) as operator:
                operator.until_ready()
                say(await _at_once(client, operator, plane, many, f"{many} conversions at once, with everything"))
                if more > many:
                    names = [f"more-{index}" for index in range(more - many)]
                    await client.make(names)
                    await client.until("all Ready", lambda seen: len(seen.ready) >= more, operator.check, _PATIENCE)
                say(_at_rest(operator, more))
            with start(plane) as operator:
                say(_restart(operator, more))


async def without_jobs(checkout: Checkout, folder: Path, start: Start, many: int, say: Say) -> None:
    """Apply many at once without the Job controller: what remains is the controller's own work."""
    with ControlPlane(checkout, folder, job_controller=False) as plane:
        async with Client.connect(ADDRESSES, plane.pki) as client:
            with start(plane) as operator:
                operator.until_ready()
                say(await _at_once(client, operator, plane, many, f"{many} at once, without the Job controller"))


async def singly(checkout: Checkout, folder: Path, start: Start, say: Say) -> None:
    """Apply one conversion after the other, without the Job controller: no queue, nothing else at work."""
    with ControlPlane(checkout, folder, job_controller=False) as plane:
        async with Client.connect(ADDRESSES, plane.pki) as client:
            with start(plane) as operator:
                operator.until_ready()
                say(await _one_at_a_time(client, operator))


async def _at_once(client: Client, operator: OperatorProcess, plane: ControlPlane, many: int, title: str) -> str:
    await _rest(operator)
    operator.requests()
    names = [f"conversion-{index}" for index in range(many)]
    cpu, others, machine, client_cpu = operator.cpu_seconds(), plane.seconds, machine_cpu_seconds(), time.process_time()
    begun = time.monotonic()
    await client.make(names)
    applied = time.monotonic() - begun
    seen, ready = client.seen, plane.job_controller
    last = seen.ready if ready else seen.status
    await client.until("all done", lambda _: all(n in last and n in seen.job for n in names), operator.check, _PATIENCE)
    took, machine = time.monotonic() - begun, machine_cpu_seconds() - machine
    others, client_cpu = plane.seconds - others, time.process_time() - client_cpu
    strangers = machine - others - client_cpu - (operator.cpu_seconds() - cpu)
    if ready:
        await _rest(operator)
    used = operator.cpu_seconds() - cpu
    asked = await asyncio.to_thread(operator.requests)
    lines = [
        Line("all applied", f"{applied:.1f} s"),
        Line(f"{many} Jobs exist", f"{max(seen.job[n] for n in names) - begun:.1f} s", "11.5 s" if ready else "3.7 s"),
        Line("all have a first status", f"{max(seen.status[n] for n in names) - begun:.1f} s"),
    ]
    if ready:
        lines.append(Line("all Ready", f"{max(seen.ready[n] for n in names) - begun:.1f} s", "17.6 s"))
    lines += [
        Line("creation to Job, p50 / p99", delays(seen.delays(seen.job, names))),
        Line("creation to first status, p50 / p99", delays(seen.delays(seen.status, names))),
        Line("status writes per conversion", f"{status_writes(asked) / many:.2f}", "2" if ready else ""),
        Line("requests per conversion", f"{len(asked) / many:.1f}"),
        Line("CPU of the operator", f"{used:.1f} s", "2.3 s" if ready else "1.0 s"),
        Line("CPU of control plane and kwok; of this client", f"{others:.1f} s; {client_cpu:.1f} s"),
        Line("CPU that the machine's other programs took", f"{max(strangers, 0):.1f} s in {took:.1f} s"),
        Line("memory of the operator, now / most", _memory(operator), "58 MiB" if ready else ""),
    ]
    return document(title, lines, by_kind(asked).most_common())


async def _one_at_a_time(client: Client, operator: OperatorProcess) -> str:
    await _rest(operator)
    names = [f"single-{index}" for index in range(_SINGLE)]
    seen, cpu = client.seen, operator.cpu_seconds()
    for name in names:
        await client.make([name])
        done = lambda _, name=name: name in seen.status and name in seen.job  # noqa: E731 - bound to its name
        await client.until("first status", done, operator.check, 60)
    used = operator.cpu_seconds() - cpu
    lines = [
        Line("creation to Job, p50 / p99", delays(seen.delays(seen.job, names)), "5 ms at p99"),
        Line("creation to first status, p50 / p99", delays(seen.delays(seen.status, names)), "13 ms at p99"),
        Line("CPU of the operator, each", f"{used / len(names) * 1000:.1f} ms", "4.3 ms"),
    ]
    return document(f"{_SINGLE} one at a time, without the Job controller", lines)


def _at_rest(operator: OperatorProcess, number: int) -> str:
    operator.until_at_rest()
    operator.requests()
    cpu, begun = operator.cpu_seconds(), time.monotonic()
    time.sleep(_WATCHED_SECONDS)
    seconds, used = time.monotonic() - begun, operator.cpu_seconds() - cpu
    asked = operator.requests()
    lines = [
        Line("watched for", f"{seconds:.0f} s"),
        Line("writes", str(writes(asked)), "0"),
        Line("requests", str(len(asked))),
        Line("CPU", f"{used:.2f} s ({used / seconds:.2%} of a core)"),
        Line("memory, now / most", _memory(operator), "126 MiB"),
    ]
    return document(f"{number} finished, at rest", lines, by_kind(asked).most_common())


def _restart(operator: OperatorProcess, number: int) -> str:
    operator.until_ready()
    rested = operator.until_at_rest()
    used = operator.cpu_seconds()
    asked = operator.requests()
    lines = [
        Line("at rest after", f"{rested - operator.started:.1f} s", "0.7 s"),
        Line("writes", str(writes(asked)), "0"),
        Line("requests", str(len(asked))),
        Line("CPU", f"{used:.1f} s"),
        Line("memory, now / most", _memory(operator)),
    ]
    return document(f"Restart with {number} finished", lines, by_kind(asked).most_common())


async def _rest(operator: OperatorProcess) -> float:
    # In a thread: the watch goes on beside it.
    return await asyncio.to_thread(operator.until_at_rest)


def _memory(operator: OperatorProcess) -> str:
    return f"{operator.resident_mebibytes():.0f} / {operator.resident_mebibytes(peak=True):.0f} MiB"
