"""An attestation that was tampered with is refused in words that say how, and with an exit code."""

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from typer.testing import CliRunner

from tests.unit.converter.signing import signing_keys
from tests.unit.converter.signing.attestations import ARTIFACT, BYPRODUCTS, PREPARED, SHA256, environment, request
from tests.unit.converter.signing.signing_keys import ED25519, OTHER, P256, public
from tflite_converter.cli.app import app
from tflite_converter.signing import attest, dsse

Object = dict[str, Any]


class Files:
    """An artifact, its attestation and a public key."""

    def __init__(self, folder: Path) -> None:
        self.artifact, self.attestation, self.key = (
            folder / name for name in ("a.tflite", "a.tflite.intoto.jsonl", "cosign.pub")
        )
        self.artifact.write_bytes(ARTIFACT)
        self.key.write_bytes(public(P256))
        self.seal(P256)

    def seal(self, key: Any) -> None:
        found = attest.make(request(), PREPARED, attest.Known(SHA256, BYPRODUCTS), environment(key))
        self.attestation.write_bytes(found.content)

    def envelope(self) -> Object:
        content: Object = json.loads(self.attestation.read_bytes())
        return content

    def statement(self) -> Object:
        content: Object = json.loads(base64.b64decode(self.envelope()["payload"]))
        return content

    def change(self, **fields: Any) -> None:
        self.attestation.write_text(json.dumps({**self.envelope(), **fields}))

    def sign(self, statement: Object) -> None:
        """Sign another statement with the same key."""
        self.attestation.write_bytes(dsse.seal(statement, P256))

    def verify(self, *options: str) -> tuple[int, str, str]:
        arguments = ["verify-attestation", str(self.artifact), str(self.attestation), "--key", str(self.key), *options]
        done = CliRunner().invoke(app, arguments)
        return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize("key", [P256, ED25519])
def test_what_is_right_is_accepted_and_shown(files: Files, key: Any) -> None:
    files.seal(key)
    files.key.write_bytes(public(key))
    code, said, problem = files.verify()
    assert (code, problem) == (0, "")
    for words in ("https://example.com/model/1", f"dirHash:{'3' * 64}", "signed by SHA256:", "/2/3"):
        assert words in said


def test_the_statement_is_printed_for_programs(files: Files) -> None:
    code, said, _ = files.verify("--json")
    assert (code, json.loads(said)) == (0, files.statement())


def test_a_key_id_is_a_hint_alone(files: Files) -> None:
    [signature] = files.envelope()["signatures"]
    files.change(signatures=[{**signature, "keyid": ""}])
    assert files.verify()[0] == 0


def test_other_lines_of_a_bundle_are_passed_over(files: Files) -> None:
    other = files.attestation.read_bytes()
    files.seal(OTHER)
    files.attestation.write_bytes(b"\nno JSON\n[]\n{}\n" + files.attestation.read_bytes() + other)
    assert files.verify()[0] == 0


def tampered(**changes: Any) -> Callable[[Files], None]:
    """Change fields of the statement and leave the signature as it is."""

    def harm(files: Files) -> None:
        payload = json.dumps({**files.statement(), **changes}).encode()
        files.change(payload=base64.b64encode(payload).decode())

    return harm


def said(**changes: Any) -> Callable[[Files], None]:
    """Change fields of the statement and sign it."""
    return lambda files: files.sign({**files.statement(), **changes})


def of_another_type(files: Files) -> None:
    content = files.attestation.read_bytes()
    [signature] = files.envelope()["signatures"]
    other = copy.deepcopy(dsse.envelopes(content)[0])
    other.payload_type = "application/json"
    other.signatures.clear()
    other.sign(CryptoSigner(P256, dsse._named(P256.public_key())))
    assert other.to_dict()["signatures"] != [signature]
    files.attestation.write_text(json.dumps(other.to_dict()))


def payload_type_alone(files: Files) -> None:
    files.change(payloadType="application/json")


REFUSED: dict[str, tuple[Callable[[Files], object], str]] = {
    "the artifact changed": (lambda files: files.artifact.write_bytes(ARTIFACT + b"!"), "but it speaks of " + SHA256),
    "the payload changed": (tampered(subject=[{"digest": {"sha256": SHA256}}]), "changed after it was signed"),
    "the payload's type changed": (payload_type_alone, "changed after it was signed"),
    "another key signed it": (lambda files: files.seal(OTHER), "not by this key"),
    "another kind of key signed it": (lambda files: files.seal(ED25519), "not by this key"),
    "the signature is cut off": (lambda files: files.change(signatures=[]), "not signed"),
    "the signature is junk": (
        lambda files: files.change(signatures=[{"keyid": "x", "sig": "AAAA"}]),
        "not by this key",
    ),
    "it was never signed": (
        lambda files: files.attestation.write_bytes(dsse.seal(files.statement(), None)),
        "not signed",
    ),
    "another predicate": (
        said(predicateType="https://spdx.dev/Document"),
        "predicateType is https://spdx.dev/Document",
    ),
    "another version of SLSA": (said(predicateType="https://slsa.dev/provenance/v0.2"), "provenance/v0.2"),
    "another statement": (said(_type="https://in-toto.io/Statement/v0.1"), "_type is"),
    "another payload": (of_another_type, "its payload is application/json"),
    "no subject": (said(subject=[]), "it speaks of no file"),
    "a subject that is none": (said(subject={"digest": 1}), "it speaks of no file"),
    "another digest": (said(subject=[{"digest": {"sha1": SHA256}}]), "it speaks of no file"),
    "no statement": (lambda files: files.attestation.write_bytes(dsse.seal([SHA256], P256)), "no statement"),  # type: ignore[arg-type] # on purpose
}


@pytest.mark.parametrize(("harm", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_was_tampered_with_is_refused(files: Files, harm: Callable[[Files], object], words: str) -> None:
    harm(files)
    code, shown, problem = files.verify()
    assert (code, shown) == (3, "")
    assert words in problem
    assert str(files.attestation) in problem


UNREADABLE: dict[str, tuple[Callable[[Files], object], str]] = {
    "no artifact": (lambda files: files.artifact.unlink(), "a.tflite cannot be read"),
    "no attestation": (lambda files: files.attestation.unlink(), "jsonl cannot be read"),
    "no key": (lambda files: files.key.unlink(), "cosign.pub cannot be read"),
    "an attestation that is none": (lambda files: files.attestation.write_bytes(ARTIFACT), "no DSSE envelope"),
    "an envelope without a payload": (lambda files: files.change(payload=7), "no DSSE envelope"),
    "a private key": (lambda files: files.key.write_bytes(signing_keys.pkcs8(P256)), "it holds a PRIVATE KEY"),
    "the files in the wrong order": (
        lambda files: (files.attestation.write_bytes(ARTIFACT), files.artifact.write_bytes(b"{}")),
        "give the artifact's .intoto.jsonl",
    ),
    "a film for a key": (lambda files: files.key.write_bytes(b"x" * 1_000_000), "more than"),
}


@pytest.mark.parametrize(("harm", "words"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_of_another_kind_is_named(files: Files, harm: Callable[[Files], object], words: str) -> None:
    harm(files)
    code, _, problem = files.verify()
    assert code == 2
    assert words in problem


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (("buildDefinition", "buildType"), "buildType"),
        (("runDetails", "builder", "id"), "builder.id"),
        (("runDetails", "builder"), "builder.id"),
        (("buildDefinition",), "buildType"),
    ],
)
@pytest.mark.parametrize("value", ["https://example.com/other", None, 5, {"id": 7}])
def test_what_the_same_key_signed_for_another_builder_is_refused(
    files: Files, path: tuple[str, ...], field: str, value: object
) -> None:
    statement = files.statement()
    *parents, last = path
    part = statement["predicate"]
    for name in parents:
        part = part[name]
    part[last] = value
    files.sign(statement)
    code, said, problem = files.verify()
    assert (code, said) == (3, "")
    assert f"{field} is " in problem


def test_a_predicate_that_is_none_is_refused(files: Files) -> None:
    files.sign({**files.statement(), "predicate": "all fine"})
    assert "buildType is missing" in files.verify()[2]


def test_another_builder_may_be_asked_for(files: Files) -> None:
    assert files.verify("--builder-id", "https://tflite-operator.dev/converter")[0] == 0
    code, _, problem = files.verify("--builder-id", "https://example.com/other")
    assert code == 3
    assert "builder.id is https://tflite-operator.dev/converter, not https://example.com/other" in problem
    statement = files.statement()
    statement["predicate"]["runDetails"]["builder"]["id"] = "https://example.com/other"
    files.sign(statement)
    assert files.verify("--builder-id", "https://example.com/other")[0] == 0
    assert files.verify()[0] == 3
