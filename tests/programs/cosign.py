"""Asks cosign, by its own library: dev/cosign/main.go says why not by its command."""

import os
import subprocess
from pathlib import Path

from dev.building import binaries
from dev.host.checkout import Checkout


def generate_key_pair(folder: Path, password: str) -> None:
    """Write cosign.key and cosign.pub as `cosign generate-key-pair` does."""
    done = _run(folder, "generate-key-pair", COSIGN_PASSWORD=password)
    assert done.returncode == 0, done.stderr


def verify_blob_attestation(key: Path, attestation: Path, artifact: Path) -> tuple[int, str]:
    """Return exit code and output of `cosign verify-blob-attestation --key KEY --signature ATTESTATION ARTIFACT`."""
    done = _run(artifact.parent, "verify", str(key), str(attestation), str(artifact))
    return done.returncode, done.stdout + done.stderr


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = str(binaries.make_tool(Checkout.here(), "cosign-blob"))
    given = {**os.environ, **environment}
    return subprocess.run([program, *arguments], cwd=folder, env=given, capture_output=True, text=True, check=False)
