"""What happens to the conversions of a chaos run, and how each must end."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from tests.chaos.fixture import QUICK, SLOW, Fixture, model_bytes
from tests.chaos.stand_in.convert_child import artifact
from tests.e2e.fixtures.conversions import Object, condition, is_finished
from tflite_api.names import REQUESTED_AT_ANNOTATION
from tflite_api.resource.spec import Signature

STEPS: Final = ("Preparing", "Converting", "Publishing")
DONE: Final = frozenset({"Converted", "Reused"})


def pins(batch: int) -> dict[str, Any]:
    """Return a signature; another batch size makes another artifact."""
    return {"inputs": [{"name": "x", "shape": [batch, 8]}]}


def expected(seconds: float, signature: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256 of the artifact that a model must become."""
    made = artifact(model_bytes(seconds), Signature.from_object(signature or {}))
    return hashlib.sha256(made).hexdigest()


class Case:
    """One story, of one conversion or of a few."""

    kind: ClassVar[str]
    attempts: ClassVar[tuple[int, int]] = (1, 1)
    """How many Jobs each generation may take, at least and at most."""
    uploads: ClassVar[int] = 1
    """How often an object may have been written to the case's key."""
    cleanups: ClassVar[int | None] = 0
    """How many Jobs delete the case's object; None where that depends."""

    def __init__(self, fixture: Fixture, number: int) -> None:
        self.fixture = fixture
        self.name = f"{self.kind}-{number}"
        self.key = f"{self.name}.tflite"
        self.names: Sequence[str] = (self.name,)
        self.uids: dict[str, str] = {}

    @abstractmethod
    def run(self) -> None:
        """Make it happen, and wait until it has ended."""

    @abstractmethod
    def problems(self, stored: Mapping[str, str]) -> list[str]:
        """Return what is not as it must be; `stored` has the SHA-256 of the object at each key."""

    def create(self, name: str, handle: str, **spec: Any) -> Object:
        made = self.fixture.create(name, handle, self.key, **spec)
        self.uids[name] = made["metadata"]["uid"]
        return made

    def ended(self, name: str, reasons: frozenset[str], sha256: str, stored: Mapping[str, str]) -> list[str]:
        """Check a conversion that must have ended for one of these reasons; a success has this artifact."""
        seen = self.fixture.latest[name]
        ready = condition(seen, "Ready")
        words = f"{name}: Ready={ready.get('status')} {ready.get('reason')}: {ready.get('message')}"
        if not is_finished(seen) or ready.get("reason") not in reasons:
            return [f"{words}, not {' or '.join(sorted(reasons))}"]
        if reasons != DONE:
            return []
        found = [seen["status"]["artifact"]["sha256"], stored.get(self.key, "nothing")]
        return [] if found == [sha256, sha256] else [f"{name}: status and bucket have {found}, not twice {sha256}"]


class Converts(Case):
    kind = "converts"

    def run(self) -> None:
        self.create(self.name, self.fixture.model(QUICK))
        self.fixture.finish(self.name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(QUICK), stored)


class CannotConvert(Case):
    """Its signature is not the model's."""

    kind = "cannot"
    uploads = 0

    def run(self) -> None:
        self.create(self.name, self.fixture.model(QUICK), signature={"key": "absent"})
        self.fixture.finish(self.name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        wrong = self.ended(self.name, frozenset({"SignatureNotFound"}), "", stored)
        return [*wrong, f"{self.key} is in the bucket"] if self.key in stored else wrong


class Recovers(Case):
    """Its model cannot be fetched at first."""

    kind = "recovers"
    attempts = (2, 20)

    def run(self) -> None:
        handle = self.fixture.model(QUICK, self.name)
        self.fixture.take_away(self.name, away=True)
        self.create(self.name, handle)
        self.fixture.under_way(self.name, ("ModelUnavailable",))
        self.fixture.take_away(self.name, away=False)
        self.fixture.finish(self.name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(QUICK), stored)


class Changes(Case):
    """Its spec changes while it is at work."""

    kind = "changes"
    attempts = (0, 1)
    uploads = 2

    def run(self) -> None:
        self.create(self.name, self.fixture.model(SLOW), signature=pins(1))
        self.fixture.under_way(self.name, STEPS)
        changed = self.fixture.change(self.name, {"signature": pins(2)})
        self.fixture.finish(self.name, changed["metadata"]["generation"])

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(SLOW, pins(2)), stored)


class ChangesBack(Case):
    """Its spec changes while it is at work, and back."""

    kind = "back"
    attempts = (0, 1)
    uploads = 3

    def run(self) -> None:
        self.create(self.name, self.fixture.model(SLOW), signature=pins(1))
        self.fixture.under_way(self.name, STEPS)
        changed = self.fixture.change(self.name, {"signature": pins(2)})
        self.fixture.wait(
            self.name, lambda seen: seen["status"]["observedGeneration"] == changed["metadata"]["generation"]
        )
        changed = self.fixture.change(self.name, {"signature": pins(1)})
        self.fixture.finish(self.name, changed["metadata"]["generation"])

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(SLOW, pins(1)), stored)


class IsDeleted(Case):
    """It is deleted while it is at work."""

    kind = "deleted"
    attempts = (0, 1)

    def run(self) -> None:
        self.create(self.name, self.fixture.model(SLOW))
        self.fixture.under_way(self.name, STEPS)
        self.fixture.delete(self.name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        found = stored.get(self.key)
        return [] if found in {None, expected(SLOW)} else [f"{self.key} has {found}, not {expected(SLOW)} or nothing"]


class GoesWithItsArtifact(Case):
    """It takes its artifact along when it is deleted."""

    kind = "along"
    cleanups = 1

    def run(self) -> None:
        self.create(self.name, self.fixture.model(QUICK), deletionPolicy="Delete")
        self.fixture.finish(self.name)
        self.fixture.delete(self.name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return [f"{self.key} is still there"] if self.key in stored else []


class GoesWhileAtWork(GoesWithItsArtifact):
    """It takes along what there is of its artifact when it is deleted while it is at work."""

    kind = "early"
    attempts = (0, 1)

    def run(self) -> None:
        self.create(self.name, self.fixture.model(SLOW), deletionPolicy="Delete")
        self.fixture.under_way(self.name, STEPS)
        self.fixture.delete(self.name)


class LosesItsJob(Case):
    """Somebody deletes its Job while it is at work."""

    kind = "jobless"
    attempts = (1, 2)

    def run(self) -> None:
        self.create(self.name, self.fixture.model(SLOW))
        seen = self.fixture.under_way(self.name, STEPS)
        self.fixture.delete_job(seen["status"]["job"]["name"])
        self.fixture.finish(self.name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(SLOW), stored)


class LosesItsPod(Case):
    """Somebody deletes its pod while it is at work."""

    kind = "podless"
    attempts = (1, 2)

    def run(self) -> None:
        self.create(self.name, self.fixture.model(SLOW))
        self.fixture.under_way(self.name, STEPS)
        self.fixture.delete_pods(self.uids[self.name])
        self.fixture.finish(self.name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(SLOW), stored)


class IsAskedAgain(Case):
    """Somebody asks for one more run when it has ended."""

    kind = "again"
    attempts = (2, 2)
    uploads = 2

    def run(self) -> None:
        self.create(self.name, self.fixture.model(QUICK))
        self.fixture.finish(self.name)
        self.fixture.annotate(self.name, {REQUESTED_AT_ANNOTATION: "now"})
        self.fixture.wait(
            self.name, lambda seen: seen["status"].get("lastHandledRequest") == "now" and is_finished(seen)
        )

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(QUICK), stored)


class IsSuspended(Case):
    """It is suspended while it is at work, and goes on later."""

    kind = "suspended"
    attempts = (0, 1)

    def run(self) -> None:
        self.create(self.name, self.fixture.model(SLOW))
        self.fixture.under_way(self.name, STEPS)
        self.fixture.change(self.name, {"suspend": True})
        self.fixture.wait(self.name, lambda seen: condition(seen, "Ready").get("reason") == "Suspended")
        changed = self.fixture.change(self.name, {"suspend": False})
        self.fixture.finish(self.name, changed["metadata"]["generation"])

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        return self.ended(self.name, DONE, expected(SLOW), stored)


class ShareAKey(Case):
    """Two write to one key: one has it, the other is told so."""

    kind = "shared"
    # The slower one may only learn of the other when it uploads.
    attempts = (1, 2)

    def run(self) -> None:
        self.names = (f"{self.name}-1", f"{self.name}-2")
        for batch, name in enumerate(self.names, 1):
            self.create(name, self.fixture.model(QUICK), signature=pins(batch))
        for name in self.names:
            self.fixture.finish(name)

    def problems(self, stored: Mapping[str, str]) -> list[str]:
        ready = [condition(self.fixture.latest[name], "Ready") for name in self.names]
        reasons = [one["reason"] for one in ready]
        if sorted(reasons) not in (["Converted", "DestinationConflict"], ["DestinationConflict", "Reused"]):
            return [f"{self.name}: ended as {' and '.join(reasons)}"]
        batch = 1 + reasons.index(next(reason for reason in reasons if reason in DONE))
        return self.ended(self.names[batch - 1], DONE, expected(QUICK, pins(batch)), stored)


CASES: Final[tuple[type[Case], ...]] = (
    Converts,
    Converts,
    CannotConvert,
    Recovers,
    Changes,
    ChangesBack,
    IsDeleted,
    GoesWithItsArtifact,
    GoesWhileAtWork,
    LosesItsJob,
    LosesItsPod,
    IsAskedAgain,
    IsSuspended,
    ShareAKey,
)
