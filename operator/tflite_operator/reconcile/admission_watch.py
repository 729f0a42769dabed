"""Looks again and again whether the admission policies are in force, and says so in the log where they are not."""

import asyncio
from datetime import datetime
from typing import Final

from tflite_api.json_log import with_fields
from tflite_operator.kube.client import Client
from tflite_operator.kube.errors import ClusterError
from tflite_operator.observe.admission import NOTHING_IN_FORCE, POLICIES, Admission, read_admission
from tflite_operator.telemetry.log import LOGGER

_SECONDS: Final = 60.0
_OPEN: Final = (
    "admission policies are not in force: whoever may make Jobs or pods, or write conversions, may do more with them"
    " than their rights say, and each report is compared with what was asked for;"
    " see docs/security.md, Without the policies"
)


class AdmissionWatch:
    """What is known of the policies."""

    def __init__(self, client: Client) -> None:
        """Take where to ask; until then none is known."""
        self._client = client
        self._admission: Admission | None = None

    def guarded_since(self) -> datetime | None:
        """Return since when nobody else makes Jobs and pods that pass for the operator's; None where somebody may."""
        return self._admission.guarded_since if self._admission is not None else None

    async def look(self) -> None:
        """Ask once, and say what has changed."""
        before, now, why = self._admission, NOTHING_IN_FORCE, ""
        try:
            now = read_admission({name: await self._client.policy(name) for name in POLICIES})
        except ClusterError as error:
            # What cannot be seen does not count as there.
            why = str(error)
        self._admission = now
        if now.missing and (before is None or before.missing != now.missing):
            LOGGER.warning(_OPEN, extra=with_fields(missing=list(now.missing), why=why or "they are not installed"))
        elif before is not None and before.missing and not now.missing:
            LOGGER.info("the admission policies are in force")

    async def run(self) -> None:
        """Ask every minute, for ever."""
        while True:
            await asyncio.sleep(_SECONDS)
            await self.look()
