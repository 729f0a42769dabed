"""The S3 server: versitygw over a folder."""

import errno
import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dev.host import files
from dev.host.checkout import Checkout
from dev.isolation.network import Addresses

PORT = 7070
REGION = "us-east-1"


@dataclass(frozen=True)
class Keys:
    """The credentials of the S3 server's owner."""

    access_key_id: str
    secret_access_key: str


def endpoint(addresses: Addresses) -> str:
    """Return the one URL for the machine and for pods."""
    return f"http://{addresses.node}:{PORT}"


def draw_keys(checkout: Checkout) -> Keys:
    """Generate keys and write them where only their owner can read them."""
    # Easily recognised wherever it should not be.
    keys = Keys("DEV" + secrets.token_hex(8).upper(), f"canary-{secrets.token_hex(16)}")
    content = json.dumps({"accessKeyId": keys.access_key_id, "secretAccessKey": keys.secret_access_key})
    files.write(_keys_file(checkout), content, mode=0o600)
    return keys


def read_keys(checkout: Checkout) -> Keys:
    """Read the keys of the running cluster."""
    document = json.loads(_keys_file(checkout).read_text())
    return Keys(document["accessKeyId"], document["secretAccessKey"])


def command(checkout: Checkout, addresses: Addresses) -> list[str]:
    """Return the command line of the cluster's server; its keys are in the environment, which `ps` does not show."""
    return server(checkout.bin, checkout.s3, f"{addresses.node}:{PORT}", checkout.s3_access_log)


def server(
    programs: Path, folder: Path, address: str, access_log: Path, tls: tuple[Path, Path] | None = None
) -> list[str]:
    """Return the command line of a server at host:port that keeps everything in a folder.

    With the files of a certificate and its key it speaks TLS.
    """
    objects, metadata = folder / "objects", folder / "metadata"
    objects.mkdir(parents=True, exist_ok=True)
    argv = [str(programs / "versitygw"), f"--port={address}", f"--region={REGION}", f"--access-log={access_log}"]
    if tls is not None:
        argv += [f"--cert={tls[0]}", f"--key={tls[1]}"]
    argv += ["--health=/health", "--keep-alive", "posix"]
    if not keeps_attributes(folder):
        metadata.mkdir(parents=True, exist_ok=True)
        argv.append(f"--sidecar={metadata}")
    return [*argv, str(objects)]


def environment(keys: Keys) -> dict[str, str]:
    """Return the variables from which the server reads its owner's keys."""
    return {"ROOT_ACCESS_KEY_ID": keys.access_key_id, "ROOT_SECRET_ACCESS_KEY": keys.secret_access_key}


def keeps_attributes(folder: Path) -> bool:
    """Return whether this file system keeps extended attributes, in which versitygw stores its metadata."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        try:
            os.setxattr(file.name, "user.tflite-operator-dev", b"1")
        except OSError as error:
            if error.errno in {errno.ENOTSUP, errno.EPERM}:
                return False
            raise
    return True


def _keys_file(checkout: Checkout) -> Path:
    return checkout.run / "s3-keys.json"
