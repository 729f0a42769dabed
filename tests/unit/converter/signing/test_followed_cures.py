"""A Secret that is corrected as a refusal of its key says signs."""

from pathlib import Path

import pytest

from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.signing.attestations import PREPARED, SHA256, request
from tests.unit.converter.signing.signing_keys import COSIGN_KEY, ED25519, P256, P384, pkcs8, public
from tflite_api.names import SIGNING_KEY_ENV, SIGNING_PASSWORD_ENV
from tflite_api.reasons import Reason
from tflite_converter.signing import attest

INVALID = Reason.SIGNING_KEY_INVALID
KINDS = "Put an ECDSA P-256 or Ed25519 private key there, as PKCS #8 in PEM or as cosign generate-key-pair makes it"


def signed(key: bytes, password: str = "") -> Trial:
    given = {SIGNING_KEY_ENV: key.decode(), SIGNING_PASSWORD_ENV: password}
    return lambda _: attest.make(request(), PREPARED, attest.Known(SHA256, {}), given)


FOLLOWED: list[Followed] = [
    *(
        followed(KINDS, INVALID, signed(key), signed(pkcs8(P256)), signed(pkcs8(ED25519)), signed(COSIGN_KEY, "staple"))
        for key in (b"", public(P256), pkcs8(P384))
    ),
    *(
        followed(
            "put the key's own password into the entry cosign.password",
            INVALID,
            signed(key, "horse"),
            signed(key, "staple"),
        )
        for key in (COSIGN_KEY, pkcs8(P256, b"staple"))
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
