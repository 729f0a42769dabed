"""How kopf is set up."""

import kopf
import pytest

from tflite_operator.handlers import at_service_address

ACCOUNT = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="token")


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [("10.96.0.1", "443", "https://10.96.0.1:443"), ("fd00::1", "6443", "https://[fd00::1]:6443")],
)
def test_the_api_server_is_found_without_dns(host: str, port: str, server: str) -> None:
    found = at_service_address(ACCOUNT, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port})
    assert found.server == server
    assert found.token == ACCOUNT.token


def test_outside_a_pod_the_connection_stays() -> None:
    assert at_service_address(ACCOUNT, {}) == ACCOUNT
