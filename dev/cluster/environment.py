"""The shell variables that lead a person, the demo and the tests to the cluster."""

import os
import shlex
from collections.abc import Mapping

from dev.building.images import CONVERTER_IMAGE, OPERATOR_IMAGE
from dev.daemons import hub, storage
from dev.daemons.storage import Keys
from dev.host.checkout import Checkout
from dev.isolation.network import Addresses


def variables(checkout: Checkout, addresses: Addresses, keys: Keys, path: str) -> dict[str, str]:
    """Return the variables. Pure."""
    endpoint = storage.endpoint(addresses)
    return {
        "KUBECONFIG": str(checkout.kubeconfig),
        "S3_ENDPOINT": endpoint,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_DEFAULT_REGION": storage.REGION,
        "HUB_URL": f"http://{addresses.node}:{hub.PORT}",
        "HUB_DIR": str(checkout.hub),
        "AUDIT_LOG": str(checkout.audit_log),
        "S3_ACCESS_LOG": str(checkout.s3_access_log),
        "OPERATOR_IMAGE": OPERATOR_IMAGE,
        "CONVERTER_IMAGE": CONVERTER_IMAGE,
        "PATH": _with_ours_first(checkout, path),
    }


def _with_ours_first(checkout: Checkout, path: str) -> str:
    ours = [str(checkout.bin), str(checkout.cache / "venv" / "bin")]
    others = [folder for folder in path.split(os.pathsep) if folder and folder not in ours]
    return os.pathsep.join([*ours, *others])


def as_shell(values: Mapping[str, str]) -> str:
    """Return lines for `eval`, with every value quoted."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
