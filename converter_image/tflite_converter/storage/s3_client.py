"""A client of an S3 server, with the credentials that are meant for it and no others."""

import os
from typing import TYPE_CHECKING, Final

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.loaders import Loader

from tflite_converter.storage import first_contact, pod_identity, region_search, secret_key
from tflite_converter.storage.answers import foreign
from tflite_converter.storage.checked_connections import check_connections
from tflite_converter.storage.credentials import Credentials, Nobody, Token
from tflite_converter.storage.obstacles import NO_SUCH_HOST
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import Fault, Server, StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WEB_IDENTITY: Final = "assume-role-with-web-identity"
"""botocore's name for the provider (botocore/credentials.py)."""


class _OwnServices(Loader):
    """botocore's descriptions of services: its own, and of those alone that are asked here.

    It would look into the folders of all 400 to find out that there are these two, once for each file of theirs.
    """

    def __init__(self) -> None:
        super().__init__([self.BUILTIN_DATA_PATH], include_default_search_paths=False)

    def list_available_services(self, type_name: str) -> list[str]:
        return ["s3", "sts"]


def connect(server: Server, credentials: Credentials) -> "S3Client":
    """Return a client; nothing is asked yet.

    Raises:
        StoreError: LACKING_CREDENTIALS, UNFIT_CREDENTIALS or LACKING_ROLE, where the environment has none to use;
            UNKNOWN_HOST.
    """
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 4},
        s3={"addressing_style": server.addressing},
        signature_version=UNSIGNED if isinstance(credentials, Nobody) else None,
        # Ours is the checksum that counts; servers other than Amazon's often do not know the client's own default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,  # type: ignore[call-arg] # the stubs lack it
        user_agent_extra="tflite-operator",
    )
    # No configuration file of the machine, and no metadata service, has a say.
    bare = botocore.session.Session(session_vars={"config_file": (None, None, os.devnull, None)})
    bare.register_component("data_loader", _OwnServices())
    if server.authorities is not None:
        # Of the session rather than the client: its token service may stand behind the same authority.
        bare.set_config_variable("ca_bundle", str(server.authorities))
    match credentials:
        case Key():
            found = secret_key.read(credentials, os.environ)
            bare.set_credentials(found.key_id, found.secret, found.session_token)
        case Token():
            _rely_on_token(bare)
        case Nobody():
            pass
    session = boto3.Session(botocore_session=bare)
    try:
        client = session.client("s3", region_name=server.region, endpoint_url=server.endpoint, config=config)
    except ValueError as error:
        # botocore knows of host names that cannot be, such as one with two dots in a row.
        raise StoreError(Fault.UNKNOWN_HOST, f"{server.name} {NO_SUCH_HOST.words}") from error
    foreign.notice(client)
    region_search.bound(client)
    first_contact.wait_for(client, server.patience_seconds)
    if server.refusal is not None:
        check_connections(client, server.refusal)
    return client


def _rely_on_token(session: botocore.session.Session) -> None:
    """Leave botocore one way to credentials: those that the token of the pod's ServiceAccount buys, or the agent's."""
    if not os.environ.get("AWS_ROLE_ARN"):
        agent = pod_identity.agent_of(os.environ)
        found = pod_identity.resolver(agent) if agent is not None else None
        if found is None:
            raise StoreError(Fault.LACKING_ROLE, "The ServiceAccount stands for no role")
        session.register_component("credential_provider", found)
        return
    resolver = session.get_component("credential_provider")
    for provider in [*resolver.providers]:
        if provider.METHOD != _WEB_IDENTITY:
            resolver.remove(provider.METHOD)
