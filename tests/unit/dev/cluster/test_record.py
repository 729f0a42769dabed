"""What `up` has to do, by what it finds."""

from pathlib import Path

import pytest

from dev.cluster import record
from dev.cluster.record import Need, Record, need
from dev.host.processes import Process
from dev.isolation.network import choose

COMPLETE = Record("v1", choose([]), complete=True, processes={"etcd": Process(1, 2, "boot")})


@pytest.mark.parametrize(
    ("found", "made_from", "inside", "dead", "expected"),
    [
        (COMPLETE, "v1", True, set(), Need.NOTHING),
        (COMPLETE, "v1", True, {"s3"}, Need.RESTART),
        (COMPLETE, "v1", False, {"s3"}, Need.MAKE),  # killed with all it held, or a reboot
        (COMPLETE, "v2", True, set(), Need.MAKE),  # other programs or another configuration
        (Record("v1", choose([])), "v1", True, set(), Need.MAKE),  # `up` was killed on the way
        (None, "v1", True, set(), Need.MAKE),
        (None, "v1", False, set(), Need.MAKE),
    ],
)
def test_need(found: Record | None, made_from: str, inside: bool, dead: set[str], expected: Need) -> None:
    assert need(found, made_from, inside, dead) is expected


def test_is_read_as_it_was_written(tmp_path: Path) -> None:
    record.write(tmp_path, COMPLETE)
    assert record.read(tmp_path) == COMPLETE


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"madeFrom": "v1"}'])
def test_unreadable_record_counts_as_none(tmp_path: Path, content: str) -> None:
    record.path(tmp_path).write_text(content)
    assert record.read(tmp_path) is None


def test_no_record(tmp_path: Path) -> None:
    assert record.read(tmp_path) is None
