"""Watches whether the admission policies are in force, and says so in the log if they are not."""

import asyncio
from datetime import datetime
from typing import Final

from tflite_api.json_log import with_fields
from tflite_operator.informer.informer import Informer
from tflite_operator.informer.object_cache import EVERYWHERE, ObjectCache
from tflite_operator.kube.client import ADMISSION_BINDINGS, ADMISSION_POLICIES, Client
from tflite_operator.observe.admission import (
    POLICIES,
    Admission,
    ObservedRule,
    observe_binding,
    observe_policy,
    read_admission,
)
from tflite_operator.telemetry.log import LOGGER

_SETTLES_SECONDS: Final = 5.0
"""Within it both are listed, where they may be; and a release's policies are all installed, or all gone."""
_OPEN: Final = (
    "admission policies are not in force: whoever may make Jobs or pods, or write conversions, may do more with them"
    " than their rights say, and each report is compared with what was asked for;"
    " see docs/security.md, Without the policies"
)


class AdmissionWatch:
    """What is known of the policies and their bindings."""

    def __init__(self, client: Client) -> None:
        """Take where to watch; until then none is known."""
        self._policies: dict[str, ObservedRule] = {}
        self._bindings: dict[str, ObservedRule] = {}
        self._changed = asyncio.Event()
        self._informers = (
            Informer(client, ADMISSION_POLICIES, EVERYWHERE, ObjectCache(observe_policy), self._on_policy),
            Informer(client, ADMISSION_BINDINGS, EVERYWHERE, ObjectCache(observe_binding), self._on_binding),
        )

    def guarded_since(self) -> datetime | None:
        """Return since when nobody else makes Jobs and pods that pass for the operator's; None where somebody may."""
        return self._admission().guarded_since if self._is_known() else None

    async def run(self) -> None:
        """Watch for ever, and say what is missing, and when nothing is any more."""
        async with asyncio.TaskGroup() as tasks:
            for one in self._informers:
                tasks.create_task(one.run())
            tasks.create_task(self._tell())

    async def _tell(self) -> None:
        told: tuple[str, ...] = ()
        while True:
            await asyncio.sleep(_SETTLES_SECONDS)
            missing = self._admission().missing if self._is_known() else POLICIES
            if missing and missing != told:
                why = "they are not installed" if self._is_known() else "they cannot be read"
                LOGGER.warning(_OPEN, extra=with_fields(missing=list(missing), why=why))
            elif told and not missing:
                LOGGER.info("the admission policies are in force")
            told = missing
            self._changed.clear()
            await self._changed.wait()

    def _is_known(self) -> bool:
        # What cannot be seen does not count as there.
        return all(one.synced.is_set() for one in self._informers)

    def _admission(self) -> Admission:
        return read_admission(self._policies, self._bindings)

    def _on_policy(self, policy: ObservedRule, gone: bool) -> None:
        self._take(self._policies, policy, gone)

    def _on_binding(self, binding: ObservedRule, gone: bool) -> None:
        self._take(self._bindings, binding, gone)

    def _take(self, known: dict[str, ObservedRule], rule: ObservedRule, gone: bool) -> None:
        if rule.name not in POLICIES:
            return
        known.pop(rule.name, None)
        if not gone:
            known[rule.name] = rule
        self._changed.set()
