"""The runs: what is done to the operator, in which order, and what is read off."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.scale.control_plane import ADDRESSES, ControlPlane, machine_cpu_seconds
from bench.scale.measurements import Section, delays
from bench.scale.operator_process import OperatorProcess, by_kind, status_writes, writes
from bench.scale.outside import Client
from dev.host.checkout import Checkout

_PATIENCE: Final = 900.0
_WATCHED_SECONDS: Final = 60.0
_SINGLE: Final = 200

Say = Callable[[Section], None]
Start = Callable[[ControlPlane], OperatorProcess]


async def whole(checkout: Checkout, folder: Path, start: Start, many: int, more: int, say: Say) -> None:
    """Apply many conversions at once; then, with more that are finished, start again and look on at rest."""
    with ControlPlane(checkout, folder) as plane:
        async with Client.connect(ADDRESSES, plane.pki) as client:
            with start(plane) as operator:
                operator.until_ready()
                say(await _at_once(client, operator, plane, many))
                say(await _until_quiet(operator, many))
            await client.make_finished((f"finished-{index}" for index in range(more - many)), like="conversion-0")
            with start(plane) as operator:
                what = f"{more} finished, {many} of them with their Jobs and pods"
                say(await asyncio.to_thread(_restart, operator, what))
                say(await asyncio.to_thread(_at_rest, operator, what))


async def at_once(checkout: Checkout, folder: Path, start: Start, many: int, say: Say, *, job_controller: bool) -> None:
    """Apply many at once, and no more. Without the Job controller what remains is the controller's own work."""
    with ControlPlane(checkout, folder, job_controller=job_controller) as plane:
        async with Client.connect(ADDRESSES, plane.pki) as client:
            with start(plane) as operator:
                operator.until_ready()
                say(await _at_once(client, operator, plane, many))


async def singly(checkout: Checkout, folder: Path, start: Start, say: Say) -> None:
    """Apply one conversion after the other, without the Job controller: no queue, nothing else at work."""
    with ControlPlane(checkout, folder, job_controller=False) as plane:
        async with Client.connect(ADDRESSES, plane.pki) as client:
            with start(plane) as operator:
                operator.until_ready()
                say(await _one_at_a_time(client, operator))


async def _at_once(client: Client, operator: OperatorProcess, plane: ControlPlane, many: int) -> Section:
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
    client_cpu = time.process_time() - client_cpu
    parts = {name: seconds - others[name] for name, seconds in plane.seconds.items()}
    used_by_parts = sum(parts.values())
    used = operator.cpu_seconds() - cpu
    unexplained = machine - used_by_parts - client_cpu - used
    asked = await asyncio.to_thread(operator.requests)
    lines = [
        ("all applied", f"{applied:.1f} s"),
        (f"{many} Jobs exist", f"{max(seen.job[n] for n in names) - begun:.1f} s"),
        ("all have a first status", f"{max(seen.status[n] for n in names) - begun:.1f} s"),
    ]
    figures = [("CPU of the operator until then", used), ("CPU of the control plane and kwok", used_by_parts)]
    if ready:
        done = max(seen.ready[n] for n in names) - begun
        lines.append(("all Ready", f"{done:.1f} s"))
        figures.insert(0, ("all Ready", done))
    lines += [
        ("creation to Job, p50 / p99", delays(seen.delays(seen.job, names))),
        ("creation to first status, p50 / p99", delays(seen.delays(seen.status, names))),
        ("status writes per conversion", f"{status_writes(asked) / many:.2f}"),
        ("requests per conversion", f"{len(asked) / many:.1f}"),
        ("CPU of the operator until then", f"{used:.1f} s"),
        ("CPU of the control plane and kwok", f"{used_by_parts:.1f} s: {_shares(parts)}"),
        ("CPU of this client", f"{client_cpu:.1f} s"),
        ("CPU that the machine's other programs took", f"{max(unexplained, 0):.1f} s in {took:.1f} s"),
        ("memory of the operator, now / most", _memory(operator)),
    ]
    title = f"{many} at once, {'with everything' if ready else 'without the Job controller'}"
    return Section(title, tuple(lines), tuple(by_kind(asked).most_common()), tuple(figures))


async def _until_quiet(operator: OperatorProcess, many: int) -> Section:
    cpu, begun = operator.cpu_seconds(), time.monotonic()
    # Times to live are set at a pace, so it takes the longer the more there are.
    asked = await asyncio.to_thread(operator.requests_until_quiet, _PATIENCE + many)
    lines = [
        ("writes nothing more after", f"{time.monotonic() - begun:.0f} s"),
        ("CPU of the operator", f"{operator.cpu_seconds() - cpu:.1f} s"),
    ]
    return Section("Afterwards: what nobody waited for", tuple(lines), tuple(by_kind(asked).most_common()))


async def _one_at_a_time(client: Client, operator: OperatorProcess) -> Section:
    await _rest(operator)
    names = [f"single-{index}" for index in range(_SINGLE)]
    seen, cpu = client.seen, operator.cpu_seconds()
    for name in names:
        await client.make([name])
        done = lambda _, name=name: name in seen.status and name in seen.job  # noqa: E731 - bound to its name
        await client.until("first status", done, operator.check, 60)
    used = operator.cpu_seconds() - cpu
    lines = [
        ("creation to Job, p50 / p99", delays(seen.delays(seen.job, names))),
        ("creation to first status, p50 / p99", delays(seen.delays(seen.status, names))),
        ("CPU of the operator, each", f"{used / len(names) * 1000:.1f} ms"),
    ]
    return Section(f"{_SINGLE} one at a time, without the Job controller", tuple(lines))


def _at_rest(operator: OperatorProcess, what: str) -> Section:
    operator.until_at_rest()
    operator.requests()
    cpu, begun = operator.cpu_seconds(), time.monotonic()
    time.sleep(_WATCHED_SECONDS)
    seconds, used = time.monotonic() - begun, operator.cpu_seconds() - cpu
    asked = operator.requests()
    lines = [
        ("watched for", f"{seconds:.0f} s"),
        ("writes", str(writes(asked))),
        ("requests", str(len(asked))),
        ("CPU", f"{used:.2f} s ({used / seconds:.2%} of a core)"),
        ("memory, now / most", _memory(operator)),
    ]
    return Section(f"At rest: {what}", tuple(lines), tuple(by_kind(asked).most_common()))


def _restart(operator: OperatorProcess, what: str) -> Section:
    operator.until_ready()
    rested = operator.until_at_rest()
    used = operator.cpu_seconds()
    asked = operator.requests()
    lines = [
        ("at rest after", f"{rested - operator.started:.1f} s"),
        ("writes", str(writes(asked))),
        ("requests", str(len(asked))),
        ("CPU", f"{used:.1f} s"),
        ("memory, now / most", _memory(operator)),
    ]
    return Section(f"Restart: {what}", tuple(lines), tuple(by_kind(asked).most_common()))


async def _rest(operator: OperatorProcess) -> float:
    # In a thread: the watch goes on beside it.
    return await asyncio.to_thread(operator.until_at_rest)


def _shares(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())


def _memory(operator: OperatorProcess) -> str:
    return f"{operator.resident_mebibytes():.0f} / {operator.resident_mebibytes(peak=True):.0f} MiB"
