"""What the administrator gives the containers that fetch and upload: proxies, and certificate authorities to trust.

The convert container, which runs the model, gets nothing of this: a proxy is a way out, and may be a credential.
"""

from typing import Any, Final

from tflite_api.names import CA_BUNDLE_ENV
from tflite_operator.settings import Settings

_VOLUME: Final = "authorities"
_FOLDER: Final = "/etc/tflite-operator"
_FILE: Final = "ca.crt"


def environment(settings: Settings) -> list[dict[str, Any]]:
    """Give the variables of a container that talks to the network."""
    named = {
        "HTTP_PROXY": settings.converter_http_proxy,
        "HTTPS_PROXY": settings.converter_https_proxy,
        "NO_PROXY": settings.converter_no_proxy,
        CA_BUNDLE_ENV: f"{_FOLDER}/{_FILE}" if settings.converter_ca_config_map else "",
    }
    plain = [{"name": name, "value": value} for name, value in named.items() if value]
    if not settings.converter_proxy_secret:
        return plain
    return [_from_secret(settings, "HTTPS_PROXY"), _from_secret(settings, "HTTP_PROXY", optional=True), *plain]


def mounts(settings: Settings) -> list[dict[str, Any]]:
    """Give the mounts of a container that talks to the network."""
    if not settings.converter_ca_config_map:
        return []
    return [{"name": _VOLUME, "mountPath": _FOLDER, "readOnly": True}]


def volumes(settings: Settings) -> list[dict[str, Any]]:
    """Give the volumes that `mounts` speaks of."""
    if not settings.converter_ca_config_map:
        return []
    source = {
        "name": settings.converter_ca_config_map,
        "items": [{"key": settings.converter_ca_key, "path": _FILE}],
        # A pod without it would hang with no other trace than an Event; the step says what is missing.
        "optional": True,
    }
    return [{"name": _VOLUME, "configMap": source}]


def pull_secrets(settings: Settings) -> dict[str, Any]:
    """Give the field of a pod's spec that says how its image is pulled."""
    names = [{"name": name} for name in settings.converter_pull_secrets]
    return {"imagePullSecrets": names} if names else {}


def _from_secret(settings: Settings, key: str, **more: bool) -> dict[str, Any]:
    source = {"name": settings.converter_proxy_secret, "key": key, **more}
    return {"name": key, "valueFrom": {"secretKeyRef": source}}
