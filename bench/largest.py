"""The operator's memory with many conversions of the largest size that the schema accepts: `python -m bench.largest`.

etcd and an API server of their own, no controllers: a suspended conversion gets a status and no Job. The others get a
Job, which stays as it was made.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.scale.largest import Object, largest_conversion
from dev.host.checkout import Checkout
from dev.testing.installation import NAMESPACE
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.operator_process import OperatorProcess
from tests.apiserver.fixtures.workbench import Workbench
from tflite_operator.core.labels import READY

_MANIFESTS: Final = ("namespace", "service_account", "operator_role", "cluster_id_role", "lease_role")
_BENCH: Final = "bench"
_WITHIN_SECONDS: Final = 1200.0
_REST_SECONDS: Final = 10.0


def main() -> None:
    """Measure, and print what was measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--suspended", type=int, default=1000, help="conversions at rest")
    asked.add_argument("--running", type=int, default=50, help="conversions with a Job")
    told = asked.parse_args()
    count = told.suspended + told.running
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        plane = running.enter_context(ControlPlane(Checkout.here(), folder / "plane"))
        plane.admin.apply_crd()
        for name in _MANIFESTS:
            plane.admin.apply_manifest(f"deploy/base/{name}.yaml")
        plane.admin.create("/api/v1/namespaces", {"metadata": {"name": _BENCH}})
        bench = Workbench(plane.admin, _BENCH)
        kubeconfig = plane.kubeconfig(plane.address, plane.admin.token(NAMESPACE, "tflite-operator"))
        for part in ("idle", "created", "restarted"):
            with OperatorProcess(folder / part, kubeconfig, {}) as operator:
                operator.until("the operator is ready", lambda: operator.is_ready, _WITHIN_SECONDS)
                begun = time.monotonic()
                if part == "created":
                    for number in range(count):
                        bench.create_whole(_numbered(number, suspended=number < told.suspended))
                if part != "idle":
                    operator.until("all have a status", lambda: _all_seen(bench, count), _WITHIN_SECONDS)
                time.sleep(_REST_SECONDS)
                seconds = time.monotonic() - begun - _REST_SECONDS
                sys.stdout.write(
                    f"{part}: {_mebibytes(operator, 'VmHWM:'):.0f} MiB at most,"
                    f" {_mebibytes(operator, 'VmRSS:'):.0f} MiB at rest, after {seconds:.0f} s\n"
                )
                sys.stdout.flush()


def _numbered(number: int, *, suspended: bool) -> Object:
    conversion = largest_conversion(f"c-{number}", number)
    conversion["spec"]["suspend"] = suspended
    return conversion


def _all_seen(bench: Workbench, count: int) -> bool:
    return (
        sum(bool(bench.reason(f"c-{number}")) for number in (0, count // 2, count - 1)) == 3 and _seen(bench) == count
    )


def _seen(bench: Workbench) -> int:
    seen, token = 0, ""
    while True:
        page = bench.admin.get(f"{bench.conversions}?limit=50&continue={token}")
        for item in page["items"]:
            seen += any(one["type"] == READY for one in item.get("status", {}).get("conditions", []))
        token = page["metadata"].get("continue", "")
        if not token:
            return seen


def _mebibytes(operator: OperatorProcess, field: str) -> float:
    lines = Path(f"/proc/{operator.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()
