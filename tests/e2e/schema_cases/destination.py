"""Specs that keep or break each rule of the schema about the destination, the report and the attestation."""

from typing import get_args

from tests.e2e.schema_cases.least import Rule, changed
from tflite_api.s3_secret import S3Entries

RULES: list[Rule] = [
    (
        "room for the report's key",
        [changed("destination.s3.key", "k" * 1024), changed("destination.s3.key", "k" * 1012) | {"report": True}],
        [changed("destination.s3.key", "k" * 1013) | {"report": True}],
        "must have at most 1012 characters with report: true",
    ),
    (
        "bucket",
        [changed("destination.s3.bucket", bucket) for bucket in ("abc", "a.b-c", "0" * 63)],
        [changed("destination.s3.bucket", bucket) for bucket in ("ab", "Abc", "-abc", "abc.", "a_b", "0" * 64)],
        "must be 3 to 63 lower-case letters",
    ),
    (
        "bucket without two dots",
        [changed("destination.s3.bucket", "a.b")],
        [changed("destination.s3.bucket", "a..b")],
        "must not hold two dots in a row",
    ),
    (
        "characters of a key",
        [changed("destination.s3.key", key) for key in ("a", "A!_.*'()=+@-/b")],
        [changed("destination.s3.key", key) for key in ("a b", "a\\b", "a\n", "a?", "a#b", "a%2e", "\u00e9")],
        "must hold only letters, digits and the characters",
    ),
    (
        "segments of a key",
        [changed("destination.s3.key", key) for key in ("a/b", "...", "..a", "a../b")],
        [changed("destination.s3.key", key) for key in ("/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a/.")],
        "must be relative, without empty, '.' or '..' segments",
    ),
    (
        "endpoint",
        [
            changed("destination.s3.endpoint", endpoint)
            for endpoint in (
                "https://s3.example.com",
                "http://10.0.0.1:7070/",
                "https://a/s3/v1",
                "https://a/b.c_d~e-f/",
            )
        ],
        [
            changed("destination.s3.endpoint", endpoint)
            for endpoint in ("s3.example.com", "https://a/b?c", "https://a//b", "https://a/b c", "https://u@a", "")
        ],
        "must be http:// or https:// with a host",
    ),
    (
        "endpoint that leads down",
        [changed("destination.s3.endpoint", endpoint) for endpoint in ("https://a/.b", "https://a/b../c")],
        [
            changed("destination.s3.endpoint", endpoint)
            for endpoint in ("https://a/..", "https://a/./b", "https://a/../")
        ],
        "must hold no '.' or '..' segments",
    ),
    (
        "addressingStyle",
        [changed("destination.s3.addressingStyle", style) for style in ("Auto", "Path", "Virtual")],
        [changed("destination.s3.addressingStyle", style) for style in ("path", "Host", "")],
        'supported values: "Auto", "Path", "Virtual"',
    ),
    (
        "caConfigMapRef",
        [changed("destination.s3.caConfigMapRef", {"name": "a.b-c"})],
        [changed("destination.s3.caConfigMapRef", {"name": name}) for name in ("A", "-a", "a/b", "../a")],
        "must be the name of a ConfigMap in the same namespace",
    ),
    (
        "caConfigMapRef.key",
        [changed("destination.s3.caConfigMapRef", {"name": "a", "key": key}) for key in ("ca-bundle.crt", "A_1")],
        [changed("destination.s3.caConfigMapRef", {"name": "a", "key": key}) for key in ("a/b", "a b", "../a")],
        "must be the name of an entry of the ConfigMap",
    ),
    (
        "encryption.type",
        [changed("destination.s3.encryption", {"type": kind}) for kind in ("SSE-S3", "SSE-KMS")],
        [changed("destination.s3.encryption", {"type": kind}) for kind in ("AES256", "aws:kms", "SSE-C")],
        'supported values: "SSE-S3", "SSE-KMS"',
    ),
    (
        "encryption.keyID",
        [
            changed("destination.s3.encryption", {"type": "SSE-KMS", "keyID": key})
            for key in ("arn:aws:kms:eu-west-1:123456789012:key/1a-2b", "alias/models", "minio-key_1.a")
        ],
        [changed("destination.s3.encryption", {"type": "SSE-KMS", "keyID": key}) for key in ("a b", "a\n", "k\u00e9y")],
        "must be the id, alias or ARN of a key",
    ),
    (
        "encryption.keyID of KMS",
        [changed("destination.s3.encryption", {"type": "SSE-KMS", "keyID": "a"})],
        [changed("destination.s3.encryption", {"type": "SSE-S3", "keyID": "a"})],
        "keyID is for type SSE-KMS: leave it out",
    ),
    (
        "checksums",
        [changed("destination.s3.checksums", wanted) for wanted in ("Auto", "Never")],
        [changed("destination.s3.checksums", wanted) for wanted in ("Always", "never")],
        'supported values: "Auto", "Never"',
    ),
    (
        "region",
        [changed("destination.s3.region", "eu-west-1")],
        [changed("destination.s3.region", region) for region in ("EU", "a b")],
        "must hold only lower-case letters, digits and hyphens",
    ),
    (
        "adoptFrom.clusterID",
        [
            changed("destination.s3.adoptFrom", {"clusterID": cluster})
            for cluster in ("a", "prod-eu.1", "9f6c0c2e-6c7e-4a3f-9a0b-6f0c2b1d7e55", "unknown", "0" * 63)
        ],
        [changed("destination.s3.adoptFrom", {"clusterID": cluster}) for cluster in ("", "A", "-a", "a/b", "a_b")],
        "must be at most 63 lower-case letters, digits, dots and hyphens",
    ),
    (
        "adoptFrom.namespace and name",
        [changed("destination.s3.adoptFrom", {"clusterID": "a", "namespace": "team", "name": "a.b-c"})],
        [
            changed("destination.s3.adoptFrom", {"clusterID": "a", part: name})
            for part in ("namespace", "name")
            for name in ("A", "-a", "a/b")
        ],
        "must be the name of an object",
    ),
    (
        "writers",
        [changed("destination.s3.writers", writers) for writers in ("Many", "One")],
        [changed("destination.s3.writers", writers) for writers in ("one", "Two")],
        'supported values: "Many", "One"',
    ),
    (
        "secretRef",
        [changed("destination.s3.secretRef.name", "a.b-c")],
        [changed("destination.s3.secretRef.name", name) for name in ("A", "-a", "a/b", "../a")],
        "must be the name of a Secret in the same namespace",
    ),
    (
        "secretRef.entries",
        [changed("destination.s3.secretRef", {"name": "a", "entries": entries}) for entries in get_args(S3Entries)],
        [
            changed("destination.s3.secretRef", {"name": "a", "entries": entries})
            for entries in ("", "username/password", "rootUser", "rootUser/secretkey", "$(HOME)/a")
        ],
        'supported values: "AWS_ACCESS_KEY_ID/AWS_SECRET_ACCESS_KEY", "rootUser/rootPassword"',
    ),
    (
        "room for the attestation's key",
        [changed("destination.s3.key", "k" * 1011) | {"attestation": {}}],
        [changed("destination.s3.key", "k" * 1012) | {"attestation": {}}],
        "destination.s3.key must have at most 1011 characters with attestation",
    ),
    (
        "signing key's secret",
        [changed("attestation", {}), changed("attestation.secretRef.name", "a.b-c")],
        [changed("attestation.secretRef.name", name) for name in ("A", "-a", "../a")],
        "must be the name of a Secret in the same namespace",
    ),
    (
        "signing key's entry",
        [changed("attestation.secretRef", {"name": "a", "key": key}) for key in ("cosign.key", "x509.pem", "A_1-b")],
        [changed("attestation.secretRef", {"name": "a", "key": key}) for key in ("a/b", "a b", "$(HOME)")],
        "must be the name of an entry of the Secret",
    ),
]
