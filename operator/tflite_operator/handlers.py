"""What kopf calls. Every event means the same: look at the conversion.

Only `on.event`: kopf's other handlers write annotations on users' objects, and its timers a finalizer. The safety net
is therefore the work queue's own timer.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import kopf

from tflite_api import names
from tflite_operator.census import Census
from tflite_operator.fields import Object, text
from tflite_operator.job import CONVERSION_LABEL, NAME_ANNOTATION
from tflite_operator.settings import Settings
from tflite_operator.work_queue import Key

Add = Callable[[Key], None]


def build_registry(
    add: Add, census: Census, logged_in: Callable[[], None], settings: Settings
) -> kopf.OperatorRegistry:
    """Register the handlers; `add` has a conversion looked at, `logged_in` is called once kopf can watch."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: object) -> None:
        set_up(settings, request_timeout)

    @kopf.on.login(registry=registry)
    async def login(**given: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - whatever kopf gives
        account = kopf.login_with_service_account(**given)
        found = at_service_address(account, os.environ) if account else kopf.login_with_kubeconfig(**given)
        if found is not None:
            logged_in()
        return found

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def on_conversion(body: kopf.Body, type: str | None, **_: object) -> None:  # noqa: A002 - kopf's name
        if type == "DELETED":
            census.forget(body)
        else:
            census.see(body)
        add((text(body, "metadata", "namespace"), text(body, "metadata", "name")))

    @kopf.on.event("batch", "v1", "jobs", registry=registry)
    async def on_job(body: kopf.Body, **_: object) -> None:
        _add_owner(add, body)

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def on_pod(body: kopf.Body, **_: object) -> None:
        _add_owner(add, body)

    request_timeout = settings.request_timeout_seconds
    return registry


def at_service_address(account: kopf.ConnectionInfo, variables: Mapping[str, str]) -> kopf.ConnectionInfo:
    """Give the connection by the address that the kubelet hands to every pod, as client libraries use it.

    kopf takes the name kubernetes.default.svc: it would need the cluster's DNS before it could start.
    """
    host, port = variables.get("KUBERNETES_SERVICE_HOST"), variables.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return account
    shown = f"[{host}]" if ":" in host else host
    return dataclasses.replace(account, server=f"https://{shown}:{port}")


def set_up(settings: kopf.OperatorSettings, request_timeout: float) -> None:
    """Set kopf up to watch and to do nothing else."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.networking.request_timeout = request_timeout
    # Without a connect timeout of its own a watch would wait for the operating system's.
    settings.networking.connect_timeout = request_timeout
    settings.watching.label_selectors["batch", "v1", "jobs"] = CONVERSION_LABEL
    settings.watching.label_selectors["", "v1", "pods"] = CONVERSION_LABEL
    settings.process.ultimate_exiting_timeout = request_timeout


def _add_owner(add: Add, body: Object) -> None:
    name = text(body, "metadata", "annotations", NAME_ANNOTATION)
    if name:
        add((text(body, "metadata", "namespace"), name))
