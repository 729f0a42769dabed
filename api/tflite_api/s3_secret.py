"""A Secret with the key of an S3 server, and what its entries may be called.

The list is closed: the admission policy on the operator's account (operator_policy.yaml of the chart) allows these
pairs of entries and nothing else, so that whoever has taken the operator over cannot use any entry of any Secret at a
server of their choice.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from tflite_api.field_types import SecretReference
from tflite_api.names import S3_CREDENTIALS

S3Entries = Literal[
    # AWS, and what Rook, NooBaa and others make of an ObjectBucketClaim (lib-bucket-provisioner).
    "AWS_ACCESS_KEY_ID/AWS_SECRET_ACCESS_KEY",
    # MinIO's chart (https://github.com/minio/minio/tree/master/helm/minio, existingSecret).
    "rootUser/rootPassword",
    # Bitnami's chart of MinIO (https://github.com/bitnami/charts/tree/main/bitnami/minio, auth.existingSecret).
    "root-user/root-password",
    # MinIO's chart before its version 3, GitLab's (https://docs.gitlab.com/charts/charts/minio/) and Argo Workflows'.
    "accesskey/secretkey",
    # A CephObjectStoreUser of Rook (https://rook.io/docs/rook/latest/CRDs/Object-Storage/ceph-object-store-user-crd/).
    "AccessKey/SecretKey",
    # CloudNativePG (https://cloudnative-pg.io/docs/1.29/appendixes/object_stores/).
    "ACCESS_KEY_ID/ACCESS_SECRET_KEY",
    # The Loki Operator (https://loki-operator.dev/docs/object_storage.md/).
    "access_key_id/access_key_secret",
    # Spellings of the same words that people choose, as in examples of Argo Workflows.
    "accessKey/secretKey",
    "access-key/secret-key",
    "access_key/secret_key",
]
"""The entries of the access key's id and of the secret key."""
OWN_ENTRIES: Final = "AWS_ACCESS_KEY_ID/AWS_SECRET_ACCESS_KEY"
_KEY_ID, _SECRET, _SESSION_TOKEN = S3_CREDENTIALS
_SESSION_TOKENS: Final[Mapping[str, str]] = {
    OWN_ENTRIES: "AWS_SESSION_TOKEN",
    "ACCESS_KEY_ID/ACCESS_SECRET_KEY": "ACCESS_SESSION_TOKEN",
}
"""The entry of a session token, where whoever makes such Secrets has a name for it."""


class S3SecretReference(SecretReference):
    """A Secret of the conversion's own namespace with the key of an S3 server."""

    entries: S3Entries = OWN_ENTRIES

    @property
    def entry_of(self) -> Mapping[str, str]:
        """Return the entry for each variable of a key; a session token has none in some."""
        return entries_of(self.entries)


def entries_of(entries: S3Entries) -> Mapping[str, str]:
    """Return the entry for each variable of a key that is kept under these names."""
    key_id, _, secret = entries.partition("/")
    token = _SESSION_TOKENS.get(entries)
    return {_KEY_ID: key_id, _SECRET: secret} | ({_SESSION_TOKEN: token} if token is not None else {})


def known_keys() -> Mapping[str, str]:
    """Return the entry of the secret key for each that an access key's id may be in."""
    return {found[_KEY_ID]: found[_SECRET] for found in map(entries_of, get_args(S3Entries))}


def known_tokens() -> Mapping[str, str]:
    """Return the entry of the session token for each that an access key's id may be in, if there is one."""
    every = map(entries_of, get_args(S3Entries))
    return {found[_KEY_ID]: found[_SESSION_TOKEN] for found in every if _SESSION_TOKEN in found}
