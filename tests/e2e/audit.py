"""What was changed, and by whom, as the API server itself wrote it down."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.environment import Environment


def writes_of(env: Environment, pod: str, since: datetime) -> list[str]:
    """Return the changes of conversions and Jobs that a pod asked for, from the API server's audit log."""
    return [
        f"{event['verb']} {event['requestURI']} at {event['requestReceivedTimestamp']}"
        for event in _audited(env)
        if pod in event["user"].get("extra", {}).get("authentication.kubernetes.io/pod-name", [])
        and datetime.fromisoformat(event["requestReceivedTimestamp"]) >= since
    ]


def jobs_made(env: Environment, namespace: str) -> list[str]:
    """Return the name of every Job that was ever made in a namespace, from the API server's audit log."""
    return [
        event["responseObject"]["metadata"]["name"]
        for event in _audited(env)
        if (event["verb"], event["objectRef"]["resource"]) == ("create", "jobs")
        and event["objectRef"]["namespace"] == namespace
        and event["responseStatus"]["code"] == 201
    ]


def _audited(env: Environment) -> Iterator[dict[str, Any]]:
    if env.audit_log is None:
        pytest.skip("AUDIT_LOG is not set: what the API server was asked is not known")
    folder, name = env.audit_log.parent, env.audit_log.stem
    for file in sorted(folder.glob(f"{name}*.log"), key=os.path.getmtime):
        for line in file.read_text().splitlines():
            yield json.loads(line)
