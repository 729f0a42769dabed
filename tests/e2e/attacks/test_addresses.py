"""No spec leads a converter to the node, its link or a cloud's metadata service, and no redirect to what is none.

The refusal is what is looked for: it comes before a connection is made, and nothing here listens at such an address.
"""

from collections.abc import Callable

import pytest
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person
from tests.e2e.spec.test_bad_input import assert_nothing_published, assert_stalled

pytestmark = pytest.mark.tensorflow

METADATA = "http://169.254.169.254"
LATEST = f"{METADATA}/latest/meta-data"
LINK_LOCAL = "leads to 169.254.169.254, which is a link-local address: such addresses are not allowed"


@pytest.mark.parametrize(
    "address", [METADATA, "http://[fd00:ec2::254]", "http://127.0.0.1:7070", "http://[::ffff:127.0.0.1]:7070"]
)
def test_an_endpoint_on_the_node_or_its_link_is_refused(
    bench: Workbench, editor: Person, tiny_model: str, address: str
) -> None:
    conversion = bench.conversion("astray", tiny_model)
    conversion["spec"]["destination"]["s3"]["endpoint"] = address
    assert_stalled(editor.run(conversion), "AddressRefused", f"destination.s3.endpoint {address} leads to ")


def samples(address: str) -> Object:
    return {"verification": {"samples": {"dataset": address}}}


SOURCES: dict[str, tuple[Callable[[Environment], Object], str]] = {
    "handle": (
        lambda _: {"model": {"handle": "http://127.0.0.1:1/model/1"}},
        "leads to 127.0.0.1, which is a loopback address",
    ),
    "handle that redirects": (
        lambda env: {"model": {"handle": models.serve_redirect(env, "e2e/metadata/1", f"{LATEST}/")}},
        LINK_LOCAL,
    ),
    "archive": (lambda _: {"model": {"archive": {"url": f"{LATEST}/model.zip"}}}, LINK_LOCAL),
    "bucket": (
        lambda _: {"model": {"s3": {"bucket": "models", "key": "model.zip", "endpoint": METADATA}}},
        f"model.s3.endpoint {METADATA} {LINK_LOCAL}",
    ),
    "dataset": (lambda _: samples(f"{LATEST}/samples.npz"), LINK_LOCAL),
    "dataset that redirects": (
        lambda env: samples(models.serve_redirect(env, "e2e/metadata/samples.npz", f"{LATEST}/samples.npz")),
        LINK_LOCAL,
    ),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_on_the_node_or_its_link_is_refused(
    bench: Workbench, env: Environment, s3: S3Client, editor: Person, tiny_model: str, source: str
) -> None:
    of, words = SOURCES[source]
    finished = editor.run(bench.conversion("astray", tiny_model, **of(env)))
    assert_stalled(finished, "AddressRefused", words)
    assert_nothing_published(finished, s3, bench)


@pytest.mark.parametrize("location", ["http://[::1", "http://models.invalid:port/"], ids=["host", "port"])
def test_a_redirect_to_what_is_no_address_has_a_reason(
    bench: Workbench, env: Environment, editor: Person, location: str
) -> None:
    handle = models.serve_redirect(env, f"e2e/malformed-{len(location)}/1", location)
    finished = editor.run(bench.conversion("astray", handle))
    assert_stalled(finished, "AddressRefused", f"{handle} redirects to what is no address: only http")
