"""The record of a running cluster, and the decision what `up` has to do about it."""

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from dev.host import files
from dev.host.processes import Process
from dev.isolation.network import Addresses


@dataclass(frozen=True)
class Record:
    """One cluster: how it was made and which processes it consists of."""

    made_from: str
    """Fingerprint of the programs and of the code that configured them."""
    addresses: Addresses
    complete: bool = False
    """Whether every step was done; a half-made cluster is made again."""
    processes: dict[str, Process] = field(default_factory=dict)

    def with_process(self, name: str, process: Process) -> "Record":
        """Add a process, or replace the one of that name."""
        return replace(self, processes={**self.processes, name: process})

    def without_process(self, name: str) -> "Record":
        """Forget a process that was stopped on purpose."""
        return replace(self, processes={n: p for n, p in self.processes.items() if n != name})

    def to_json(self) -> str:
        """Return the file's content."""
        document = {
            "madeFrom": self.made_from,
            "addresses": self.addresses.to_json(),
            "complete": self.complete,
            "processes": {name: process.to_json() for name, process in self.processes.items()},
        }
        return json.dumps(document, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read the file's content."""
        document = json.loads(text)
        processes = {name: Process(**process) for name, process in document["processes"].items()}
        addresses = Addresses.from_json(document["addresses"])
        return cls(document["madeFrom"], addresses, document["complete"], processes)


class Need(Enum):
    """What `up` has to do."""

    NOTHING = "nothing"
    RESTART = "restart"
    """Some daemon has died or was stopped, in a cluster that was complete: start it again, as an init would."""
    MAKE = "make"
    """There is no cluster, or one that cannot be trusted: clear away what is left and make one."""


def need(record: Record | None, made_from: str, inside: bool, dead: set[str]) -> Need:
    """Return what `up` has to do. `inside`: the namespaces exist; `dead`: daemons that do not run."""
    if record is None or not record.complete or not inside or record.made_from != made_from:
        return Need.MAKE
    return Need.RESTART if dead else Need.NOTHING


def path(run: Path) -> Path:
    """Return the record's path."""
    return run / "cluster.json"


def read(run: Path) -> Record | None:
    """Read the record, if there is one."""
    try:
        return Record.from_json(path(run).read_text())
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None  # written by an older or newer version of this program: as good as none


def write(run: Path, record: Record) -> None:
    """Write the record."""
    files.write(path(run), record.to_json())
