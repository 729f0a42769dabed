"""Cosign accepts our attestations and we its keys; what it refuses we refuse as well."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.programs import cosign
from tests.unit.converter.signing import test_verify
from tests.unit.converter.signing.attestations import BYPRODUCTS, PREPARED, SHA256, request
from tests.unit.converter.signing.signing_keys import ED25519, P256, public
from tests.unit.converter.signing.test_verify import Files
from tflite_api.names import SIGNING_KEY_ENV, SIGNING_PASSWORD_ENV
from tflite_converter.signing import attest
from tflite_converter.signing.provenance import PREDICATE_TYPE

# On a fresh machine the first of them waits while other programs are built: one worker of the tests does, and not all.
pytestmark = [pytest.mark.xdist_group("cosign"), pytest.mark.timeout(1200)]

OTHER_PREDICATES = {"another predicate", "another version of SLSA"}
"""Cosign's library leaves the type to its command, which compares it with --type."""
CHANGED = {
    name: harm
    for name, (harm, _) in test_verify.REFUSED.items()
    if name not in {*OTHER_PREDICATES, "another statement", "no statement"}
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def asked(files: Files) -> tuple[int, str]:
    return cosign.verify_blob_attestation(files.key, files.attestation, files.artifact)


@pytest.mark.parametrize("key", [P256, ED25519], ids=["P-256", "Ed25519"])
def test_cosign_accepts_what_we_sign(files: Files, key: Any) -> None:
    files.seal(key)
    files.key.write_bytes(public(key))
    assert asked(files) == (0, f"Verified OK {PREDICATE_TYPE}\n")


@pytest.mark.parametrize("harm", CHANGED.values(), ids=CHANGED.keys())
def test_cosign_refuses_what_we_refuse(files: Files, harm: Callable[[Files], object]) -> None:
    harm(files)
    code, words = asked(files)
    assert code == 1, words
    assert files.verify()[0] == 3


@pytest.mark.parametrize("password", ["", "staple"])
def test_a_key_pair_that_cosign_makes_signs_and_verifies(tmp_path: Path, password: str) -> None:
    files = Files(tmp_path)
    cosign.generate_key_pair(tmp_path, password)
    given = {SIGNING_KEY_ENV: (tmp_path / "cosign.key").read_text(), SIGNING_PASSWORD_ENV: password}
    made = attest.make(request(), PREPARED, attest.Known(SHA256, BYPRODUCTS), given)
    files.attestation.write_bytes(made.content)
    assert asked(files)[0] == 0
    assert files.verify()[0] == 0
