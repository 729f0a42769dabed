"""Storages of kopf's that store nothing.

kopf keeps in users' objects what it last handled and how far its handlers have come, and builds both for every event,
with several copies of the object. Where `on.event` alone is registered nothing reads them.
"""

import kopf


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-handled state: nothing compares it where `on.event` alone is registered."""

    def build(self, **_: object) -> kopf.BodyEssence:
        """Return nothing; kopf would copy the whole object for each event."""
        return kopf.BodyEssence()

    def fetch(self, **_: object) -> kopf.BodyEssence | None:
        """Return nothing."""
        return None

    def store(self, **_: object) -> None:
        """Store nothing."""


class NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers: those of `on.event` have none."""

    def fetch(self, **_: object) -> None:
        """Return nothing."""

    def store(self, **_: object) -> None:
        """Store nothing."""

    def purge(self, **_: object) -> None:
        """Purge nothing."""

    def touch(self, **_: object) -> None:
        """Touch nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Return it as it is: there is nothing in it; kopf would copy it."""
        return essence
