"""An endpoint that only this machine or its link can mean is refused before anything is asked of it."""

from pathlib import Path

import pytest

from tests.unit.converter.fetch.web_server import serving
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits, StepRequest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.network.endpoint import check
from tflite_converter.steps.destination import store_of
from tflite_converter.steps.prepare import prepare

FIELD = "destination.s3.endpoint"


def destination(endpoint: str | None) -> S3Destination:
    return S3Destination.from_object(
        {"bucket": "latest", "key": "meta-data/iam", "secretRef": {"name": "s"}}
        | ({"endpoint": endpoint} if endpoint else {})
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        *("http://169.254.169.254", "https://[fd00:ec2::254]:443", "http://127.0.0.1:9000/", "http://localhost:9000"),
        *("http://2852039166", "http://0xa9fea9fe", "http://0", "http://127.1", "http://[::ffff:169.254.169.254]"),
    ],
)
def test_refused(endpoint: str) -> None:
    with pytest.raises(StepFailure) as caught:
        check(endpoint, FIELD, FetchLimits())
    assert caught.value.reason is Reason.ADDRESS_REFUSED
    assert caught.value.message.startswith(f"destination.s3.endpoint {endpoint} leads to ")
    check(endpoint, FIELD, FetchLimits(allow_local_addresses=True))


@pytest.mark.parametrize("endpoint", [None, "http://10.0.0.1:9000", "https://[fd12::1]", "https://absent.invalid"])
def test_allowed(endpoint: str | None) -> None:
    check(endpoint, FIELD, FetchLimits())


def test_prepare_asks_nothing_of_a_refused_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with serving() as server:
        s3 = destination(server).to_object()
        spec = {"model": {"handle": "https://models.invalid/1"}, "destination": {"s3": s3}}
        request = StepRequest.from_object({"spec": spec, "owner": "team/a", "cluster": "prod"})
        with pytest.raises(StepFailure) as caught:
            prepare(
                request, tmp_path, tmp_path, LoggedProgress(), store_of(request.spec.destination.s3, request.limits)
            )
    assert caught.value.reason is Reason.ADDRESS_REFUSED


@pytest.mark.parametrize("endpoint", ["https://[1:2]", "http://[::1", "http://h:99999"])
@pytest.mark.parametrize("allowed", [True, False])
def test_what_is_no_address_is_refused_with_a_reason(endpoint: str, allowed: bool) -> None:
    with pytest.raises(StepFailure, match="is no address") as caught:
        check(endpoint, FIELD, FetchLimits(allow_local_addresses=allowed))
    assert caught.value.reason is Reason.INVALID_SPEC
