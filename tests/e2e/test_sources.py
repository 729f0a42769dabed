"""Models from every source, fetched by the prepare container from the real thing: the same files, the same digest."""

import io
import tarfile
import zipfile

import pytest

from tests.e2e import models
from tests.e2e.conversions import Object, Workbench, condition
from tests.e2e.environment import Environment
from tests.e2e.test_bad_input import assert_stalled

pytestmark = pytest.mark.tensorflow


def files(env: Environment) -> dict[str, bytes]:
    """The small model of the tests, by file name."""
    models.serve_tiny(env)
    folder = env.hub_dir / "e2e/tiny/1"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def zipped(content: dict[str, bytes], top: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"{top}{name}", data)
    return packed.getvalue()


def tarred(content: dict[str, bytes], top: str = "", mode: str = "w:xz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload] # any mode for writing
        for name, data in content.items():
            info = tarfile.TarInfo(f"{top}{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def run(bench: Workbench, name: str, model: Object) -> Object:
    return bench.run(bench.conversion(name, "", model=model))


def digest(finished: Object) -> str:
    assert condition(finished, "Ready").get("status") == "True", finished["status"]
    found: str = finished["status"]["provenance"]["modelDigest"]
    return found


def test_the_same_model_in_archives_of_any_kind_is_the_same_model(
    bench: Workbench, env: Environment, tiny_model: str
) -> None:
    content = files(env)
    # The names say nothing of what they are.
    addresses = [
        models.serve_file(env, "e2e/sources/zipped", zipped(content, "tiny/1/")),
        models.serve_file(env, "e2e/sources/model.zip", tarred(content)),
    ]
    digests = {digest(run(bench, "hub", {"handle": tiny_model}))}
    for number, address in enumerate(addresses):
        digests.add(digest(run(bench, f"archive-{number}", {"archive": {"url": f"{address}?download=1"}})))
    assert len(digests) == 1


def test_a_pinned_model_that_moves_is_not_converted_again(bench: Workbench, env: Environment, tiny_model: str) -> None:
    first = run(bench, "moving", {"handle": tiny_model})
    pin = digest(first).removeprefix("sha256:")
    pinned = bench.patch("moving", {"spec": {"model": {"sha256": pin}}})
    bench.wait("moving", lambda seen: _is_ready(seen, pinned))
    address = models.serve_file(env, "e2e/sources/moved.zip", zipped(files(env)))
    moved = bench.patch("moving", {"spec": {"model": {"handle": None, "archive": {"url": address}}}})
    again = bench.wait("moving", lambda seen: _is_ready(seen, moved))
    assert condition(again, "Ready")["reason"] == "Reused"
    assert digest(again) == digest(first)


def _is_ready(seen: Object, wanted: Object) -> bool:
    current = seen["status"].get("observedGeneration") == wanted["metadata"]["generation"]
    return current and condition(seen, "Ready").get("status") == "True"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"Rar!\x1a\x07\x01\x00" + bytes(512), "a RAR archive"), (b"<!doctype html>", "a web page")],
    ids=["rar", "page"],
)
def test_an_archive_of_an_unknown_kind_is_named(bench: Workbench, env: Environment, content: bytes, words: str) -> None:
    address = models.serve_file(env, f"e2e/sources/{words.split()[1]}", content)
    finished = run(bench, "unknown", {"archive": {"url": address}})
    assert_stalled(finished, "NotASavedModel", "model.archive.url", words, "zip archive of a SavedModel")
