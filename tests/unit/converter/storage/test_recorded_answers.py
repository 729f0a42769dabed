"""What other products, and what stands before them, answered: each becomes a reason, its own words and a cure.

The answers are those of public reports and of the products' sources; none of the products runs here.
"""

import hashlib
from io import BytesIO

import pytest

from tests.unit.converter.storage.servers.recorded_server import Recorded, answering
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, location_of, store_of
from tflite_converter.storage.store import Always, Upload

LOCAL = FetchLimits(allow_local_addresses=True)
HTML = {"Content-Type": "text/html"}
DENIED = "with an explicit deny in a resource-based policy"
NOT_AUTHORIZED = "User: arn:aws:iam::1:user/u is not authorized to perform:"


def error(code: str, message: str, more: str = "") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>'


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    monkeypatch.setattr("time.sleep", lambda _: None)


def use(endpoint: str) -> None:
    """Look at the destination as prepare does, and upload as publish does."""
    where = S3Destination.from_object(
        {"bucket": "models", "key": "a.tflite", "endpoint": endpoint, "secretRef": {"name": "keys"}}
    )
    destination, at = Destination(where, store_of(where, LOCAL)), location_of(where)
    assert destination.look(at) is None
    content = b"artifact" * 1000
    upload = Upload(BytesIO(content), hashlib.sha256(content).hexdigest(), "application/vnd.tflite", {})
    destination.upload(at, upload, None)


def failure(recorded: Recorded) -> StepFailure:
    with answering(recorded) as endpoint, pytest.raises(StepFailure) as caught:
        use(endpoint)
    return caught.value


ANSWERS = {
    "Amazon S3, a bucket elsewhere": (
        Recorded(
            400,
            error("AuthorizationHeaderMalformed", "the region is wrong", "<Region>eu-central-1</Region>"),
        ),
        Reason.INVALID_SPEC,
        "in eu-central-1, not in us-east-1 (AuthorizationHeaderMalformed): write eu-central-1 in destination.s3.region",
    ),
    "Amazon S3, the region in words alone": (
        Recorded(
            400,
            error("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-3'"),
        ),
        Reason.INVALID_SPEC,
        "write eu-west-3 in destination.s3.region",
    ),
    "Amazon S3, the region in a header alone": (
        Recorded(301, headers={"x-amz-bucket-region": "ap-south-1"}),
        Reason.INVALID_SPEC,
        "write ap-south-1 in destination.s3.region",
    ),
    "Amazon S3, another endpoint": (
        Recorded(
            301,
            error(
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified endpoint.",
                "<Endpoint>models.s3.eu-west-1.amazonaws.com</Endpoint>",
            ),
        ),
        Reason.INVALID_SPEC,
        "but at s3.eu-west-1.amazonaws.com in eu-west-1 (PermanentRedirect): write that in destination.s3.endpoint",
    ),
    "Garage": (
        Recorded(
            400,
            error(
                "AuthorizationHeaderMalformed",
                "Authorization header malformed, unexpected scope: 20260519/us-east-1/s3/aws4_request",
                "<Region>garage</Region>",
            ),
        ),
        Reason.INVALID_SPEC,
        "write garage in destination.s3.region",
    ),
    "OSS, path style": (
        Recorded(403, error("SecondLevelDomainForbidden", "Please use virtual hosted style to access.")),
        Reason.INVALID_SPEC,
        '"Please use virtual hosted style to access.": set destination.s3.addressingStyle to Virtual',
    ),
    "OSS, another region": (
        Recorded(
            403,
            error(
                "AccessDenied",
                "The bucket you are attempting to access must be addressed using the specified endpoint.",
                "<Endpoint>oss-cn-shanghai.aliyuncs.com</Endpoint>",
            ),
        ),
        Reason.INVALID_SPEC,
        "but at oss-cn-shanghai.aliyuncs.com (AccessDenied): write that in destination.s3.endpoint",
    ),
    "MinIO, its console": (
        Recorded(403, error("AccessDenied", "S3 API Requests must be made to API port.")),
        Reason.INVALID_SPEC,
        '"S3 API Requests must be made to API port.": write the address of its S3 API in destination.s3.endpoint',
    ),
    "a console that answers everything": (
        Recorded(200, "<!doctype html><html><head><title>MinIO Console</title></head></html>", headers=HTML),
        Reason.INVALID_SPEC,
        'it answered 200 with "a web page": write the address of its S3 API in destination.s3.endpoint',
    ),
    "a console that knows no HEAD": (
        Recorded(200, "<html><head><title>Object\n Browser</title></head></html>", methods="GET", headers=HTML),
        Reason.INVALID_SPEC,
        'it answered 200 with "Object Browser"',
    ),
    "an ingress without that host": (
        Recorded(404, "default backend - 404", headers={"Content-Type": "text/plain"}),
        Reason.INVALID_SPEC,
        'does not answer as an S3 server: it answered 404 with "default backend - 404"',
    ),
    "the API server of a cluster": (
        Recorded(403, '{"kind": "Status", "message": "forbidden"}', headers={"Content-Type": "application/json"}),
        Reason.INVALID_SPEC,
        "does not answer as an S3 server",
    ),
    "a page to log in": (
        Recorded(302, headers={"Location": "https://login.example.com/oauth2/start?rd=secret"}),
        Reason.INVALID_SPEC,
        "it leads to https://login.example.com (302)",
    ),
    "nginx, http to https at a path": (
        Recorded(301, headers={**HTML, "Location": "https://127.0.0.1/models/a.tflite"}),
        Reason.INVALID_SPEC,
        "is to be asked with https: it answered 301: write https:// in destination.s3.endpoint",
    ),
    "nginx, http to https": (
        Recorded(
            308, "<html><h1>308 Permanent Redirect</h1></html>", headers={**HTML, "Location": "https://127.0.0.1/"}
        ),
        Reason.INVALID_SPEC,
        "is to be asked with https: it answered 308: write https:// in destination.s3.endpoint",
    ),
    "nginx, plain HTTP at the port of TLS": (
        Recorded(
            400,
            "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
            headers=HTML,
        ),
        Reason.INVALID_SPEC,
        "write https:// in destination.s3.endpoint",
    ),
    "MinIO, plain HTTP at the port of TLS": (
        Recorded(400, "Client sent an HTTP request to an HTTPS server.\n", headers={"Content-Type": "text/plain"}),
        Reason.INVALID_SPEC,
        "write https:// in destination.s3.endpoint",
    ),
    "nginx, a small client_max_body_size": (
        Recorded(413, "<html><title>413 Request Entity Too Large</title></html>", "PUT", HTML, closes=True),
        Reason.STORAGE_REFUSED,
        "a.tflite (8000 bytes) is too large for the storage, or for a proxy before it: 413. Raise that limit",
    ),
    "Ceph, a quota": (
        Recorded(403, "<Error><Code>QuotaExceeded</Code><BucketName>models</BucketName></Error>", "PUT"),
        Reason.STORAGE_REFUSED,
        "The storage has no room for s3://models/a.tflite: QuotaExceeded (403). Free some room or raise the quota",
    ),
    "MinIO, a quota": (
        Recorded(400, error("XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded"), "PUT"),
        Reason.STORAGE_REFUSED,
        'XMinioAdminBucketQuotaExceeded (400), "Bucket quota exceeded"',
    ),
    "MinIO, full disks": (
        Recorded(507, error("XMinioStorageFull", "Storage backend has reached its minimum free drive"), "PUT"),
        Reason.STORAGE_REFUSED,
        "Free some room or raise the quota",
    ),
    "MinIO, encryption without a KMS": (
        Recorded(501, error("NotImplemented", "Server side encryption specified but KMS is not configured"), "PUT"),
        Reason.STORAGE_REFUSED,
        '"Server side encryption specified but KMS is not configured"',
    ),
    "a bucket that wants encryption": (
        Recorded(403, error("AccessDenied", "This bucket requires objects to be encrypted with aws:kms"), "PUT"),
        Reason.STORAGE_REFUSED,
        '"This bucket requires objects to be encrypted with aws:kms"',
    ),
    "Amazon S3, a policy that wants encryption and does not say so": (
        Recorded(403, error("AccessDenied", "Access Denied"), "PUT"),
        Reason.CREDENTIALS_REFUSED,
        "(AccessDenied). Give them s3:PutObject, or set destination.s3.encryption where a policy of the bucket demands",
    ),
    "Amazon S3, a policy that says who denies": (
        Recorded(403, error("AccessDenied", f"{NOT_AUTHORIZED} s3:PutObject on resource: r {DENIED}"), "PUT"),
        Reason.CREDENTIALS_REFUSED,
        f's3:PutObject on resource: r {DENIED}"). Set destination.s3.encryption if that policy demands encryption, or',
    ),
    "Amazon S3, a key that may not be used": (
        Recorded(403, error("AccessDenied", f"{NOT_AUTHORIZED} kms:GenerateDataKey on this resource"), "PUT"),
        Reason.CREDENTIALS_REFUSED,
        "they need kms:GenerateDataKey of the bucket's key",
    ),
    "Amazon S3, an access key that was deleted": (
        Recorded(403, error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")),
        Reason.CREDENTIALS_REFUSED,
        "for s3://models/a.tflite (InvalidAccessKeyId): it does not know this access key: is it one of this storage",
    ),
    "a proxy that changes the host": (
        Recorded(403, error("SignatureDoesNotMatch", "The request signature we calculated does not match.")),
        Reason.CREDENTIALS_REFUSED,
        "(SignatureDoesNotMatch): the secret key is not that of the access key, or a proxy before the storage changes",
    ),
    "Amazon S3, a token that has expired": (
        Recorded(400, error("ExpiredToken", "The provided token has expired.")),
        Reason.CREDENTIALS_REFUSED,
        "(ExpiredToken): they have expired",
    ),
    "Amazon S3, no access key at all": (
        Recorded(400, error("AuthorizationHeaderMalformed", "a non-empty Access Key (AKID) must be provided")),
        Reason.CREDENTIALS_REFUSED,
        "the access key is none that it could take",
    ),
    "Garage, an unknown key": (
        Recorded(403, error("AccessDenied", "Forbidden: No such key: GK31c2")),
        Reason.CREDENTIALS_REFUSED,
        '(AccessDenied, "Forbidden: No such key: GK31c2")',
    ),
    "R2, a token without rights": (
        Recorded(401, error("Unauthorized", "Unauthorized")),
        Reason.CREDENTIALS_REFUSED,
        "for s3://models/a.tflite (Unauthorized): they need s3:GetObject",
    ),
    "R2, the key of Amazon S3": (
        Recorded(400, error("InvalidArgument", "Credential access key has length 20, should be 32")),
        Reason.CREDENTIALS_REFUSED,
        "the access key is none that it could take",
    ),
    "Amazon S3, a KMS key that is disabled": (
        Recorded(400, error("KMS.DisabledException", "arn:aws:kms:x is disabled."), "PUT"),
        Reason.STORAGE_REFUSED,
        'refuses uploading to s3://models/a.tflite: KMS.DisabledException (400), "arn:aws:kms:x is disabled."',
    ),
    "MinIO, an object that is locked": (
        Recorded(403, error("AccessDenied", "Object is WORM protected and cannot be overwritten"), "PUT"),
        Reason.STORAGE_REFUSED,
        'AccessDenied (403), "Object is WORM protected and cannot be overwritten"',
    ),
    "Amazon S3, an account that is disabled": (
        Recorded(403, error("AllAccessDisabled", "All access to this object has been disabled")),
        Reason.CREDENTIALS_REFUSED,
        "(AllAccessDisabled): all access is disabled",
    ),
    "R2, a region that is none": (
        Recorded(
            400, error("InvalidRegionName", "The region name 'us-east-1' is not valid. Must be one of: wnam, oc, auto")
        ),
        Reason.INVALID_SPEC,
        "(InvalidRegionName): write auto in destination.s3.region",
    ),
    "OSS, a signature for another region": (
        Recorded(403, error("InvalidArgument", "Invalid signing region in Authorization header.")),
        Reason.INVALID_SPEC,
        "Bucket models is not in us-east-1 (InvalidArgument): correct destination.s3.region",
    ),
    "OSS and Backblaze, no conditions": (
        Recorded(
            501, error("NotImplemented", "A header you provided implies ...", "<Header>If-None-Match</Header>"), "PUT"
        ),
        Reason.INVALID_SPEC,
        "set destination.s3.writers to One",
    ),
    "Google Cloud Storage": (
        Recorded(
            403, error("AccessDenied", "Access denied.", "<Details>x does not have storage.objects.get</Details>")
        ),
        Reason.CREDENTIALS_REFUSED,
        '(AccessDenied, "Access denied. x does not have storage.objects.get")',
    ),
    "a node whose clock is wrong": (
        Recorded(403, error("RequestTimeTooSkewed", "The difference between the request time and ... is too large.")),
        Reason.STORAGE_UNAVAILABLE,
        "answered RequestTimeTooSkewed (403) for s3://models/a.tflite, as its clock and that of the node differ",
    ),
    "a firewall that reads what is uploaded": (
        Recorded(403, "<html><head><title>Request blocked</title></head></html>", "PUT", HTML),
        Reason.STORAGE_REFUSED,
        'Something before the storage refuses uploading to s3://models/a.tflite: it answered 403 with "Request',
    ),
    "a proxy that wants to know who asks": (
        Recorded(407, "<html><title>ERROR: Cache Access Denied</title></html>", headers=HTML),
        Reason.STORAGE_UNAVAILABLE,
        "cannot be reached: the proxy answered 407",
    ),
    "two writers at once": (
        Recorded(409, error("OperationAborted", "A conflicting conditional operation is in progress."), "PUT"),
        Reason.DESTINATION_CHANGED,
        "s3://models/a.tflite changed since this conversion looked at it",
    ),
    "a store without conditions": (
        Recorded(501, error("NotImplemented", "A header you provided implies functionality not implemented"), "PUT"),
        Reason.INVALID_SPEC,
        "set destination.s3.writers to One",
    ),
    "a store that lists nothing": (
        Recorded(501, error("NotImplemented", "ListObjectsV2 is not implemented"), "HEAD GET"),
        Reason.STORAGE_REFUSED,
        'The storage refuses reading s3://models/a.tflite: NotImplemented (501), "ListObjectsV2 is not implemented"',
    ),
    "a policy of its own": (
        Recorded(400, error("InvalidRequest", "Content-Type is not\n allowed\x85 \u202ehere"), "PUT"),
        Reason.STORAGE_REFUSED,
        'refuses uploading to s3://models/a.tflite: InvalidRequest (400), "Content-Type is not allowed here"',
    ),
    "a broken proxy": (
        Recorded(502, "<html><title>502 Bad Gateway</title></html>", headers=HTML),
        Reason.STORAGE_UNAVAILABLE,
        "The storage answered 502 (502) for s3://models/a.tflite",
    ),
}


@pytest.mark.parametrize("product", ANSWERS)
def test_what_a_product_answers_is_said_with_what_to_do(product: str) -> None:
    recorded, reason, words = ANSWERS[product]
    found = failure(recorded)
    assert words in found.message
    assert found.reason is reason


def test_a_region_that_the_storage_names_is_used() -> None:
    """versitygw, MinIO with a region, and Garage: a HEAD that is signed for another has a bare 400."""
    told = error("AuthorizationHeaderMalformed", "the region is wrong; expecting 'garage'", "<Region>garage</Region>")
    recorded = Recorded(400, told, refuses=lambda headers: "/garage/s3/" not in headers["authorization"])
    with answering(recorded) as endpoint:
        where = S3Destination.from_object(
            {"bucket": "models", "key": "a.tflite", "endpoint": endpoint, "secretRef": {"name": "keys"}}
        )
        store = store_of(where, LOCAL)
        assert Destination(where, store).look(location_of(where)) is None
        other = store_of(where, LOCAL)
        other.put(location_of(where), Upload(BytesIO(b""), hashlib.sha256(b"").hexdigest(), "", {}), Always())


def test_what_needs_another_spec_is_asked_for_once() -> None:
    recorded = Recorded(403, error("QuotaExceeded", ""), "PUT")
    failure(recorded)
    asked = [asked for asked, _ in recorded.requests]
    assert [one for one in asked if one.startswith("PUT")] == ["PUT /models/a.tflite"]


@pytest.mark.parametrize("said", ["AKIAIOSFODNN7EXAMPLE", "a secret", "AKIAI44QH8DHBEXAMPLE", "f0" * 32])
def test_what_a_store_says_holds_no_credentials(said: str) -> None:
    found = failure(Recorded(400, error("InvalidRequest", f"you sent {said} to us")))
    assert said not in found.message
    assert '"you sent … to us"' in found.message


def test_what_a_store_says_is_short() -> None:
    found = failure(Recorded(400, error("InvalidRequest", "many words " * 1000)))
    assert len(found.message) < 600
