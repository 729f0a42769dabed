"""The digest of a model is that of its files, and the pin holds it, however they came."""

import hashlib
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.unit.converter.fetch.archive.archives import pack, plain, zipped
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.digests import folder_digest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, accept, from_archive

FILES = {"saved_model.pb": b"graph", "variables/variables.index": b"index", "variables/variables.data": b"weights"}


def written(folder: Path) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(folder: Path, content: bytes, pin: str | None = None) -> FetchedModel:
    (folder / "unpacked").mkdir(parents=True)
    packed = folder / "archive"
    packed.write_bytes(content)
    place = Place(folder / "unpacked", folder, FetchLimits(), LoggedProgress())
    return from_archive(packed, hashlib.sha256(content).hexdigest(), Pin("model.archive.url", pin), place)


def archives() -> list[bytes]:
    nested = {f"mobilenet/1/{name}": content for name, content in reversed(FILES.items())}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 12345
            archive.addfile(info, io.BytesIO(content))
    return [
        pack(*(plain(name, content) for name, content in FILES.items())),
        packed.getvalue(),
        zipped(*FILES.items()),
        zipped(*nested.items(), method=zipfile.ZIP_STORED),
    ]


def test_the_same_files_have_the_same_digest_however_they_came(tmp_path: Path) -> None:
    digests = {fetched(tmp_path / str(number), content).digest for number, content in enumerate(archives())}
    digests.add(accept(written(tmp_path / "files"), Pin("model.handle")).digest)
    assert len(digests) == 1
    (tmp_path / "files/variables/variables.data").write_bytes(b"other")
    assert accept(tmp_path / "files", Pin("model.handle")).digest not in digests


def test_the_digest_is_what_a_person_gets_from_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/b", "a.b", "Z", "line\nbreak", "back\\slash", "\u00e9"):
        (tmp_path / name).write_text(name)
    command = "find * -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert folder_digest(tmp_path) == done.stdout.split()[0]


@pytest.mark.parametrize("number", range(4))
def test_a_pin_may_be_the_archive_s_or_the_files(tmp_path: Path, number: int) -> None:
    content = archives()[number]
    digest = fetched(tmp_path / "0", content).digest
    for turn, pin in enumerate((digest.removeprefix("sha256:"), hashlib.sha256(content).hexdigest()), start=1):
        assert fetched(tmp_path / str(turn), content, pin).digest == digest
    with pytest.raises(StepFailure, match=r"model\.sha256 asks for 0{64}") as caught:
        fetched(tmp_path / "3", content, "0" * 64)
    assert caught.value.reason is Reason.DIGEST_MISMATCH
    assert digest.removeprefix("sha256:") in caught.value.message


def test_files_are_held_to_the_pin_as_well(tmp_path: Path) -> None:
    folder = written(tmp_path)
    digest = accept(folder, Pin("model.handle")).digest
    assert accept(folder, Pin("model.handle", digest.removeprefix("sha256:"))).digest == digest
    with pytest.raises(StepFailure, match="The files have the digest"):
        accept(folder, Pin("model.handle", "0" * 64))


def test_a_folder_without_a_model_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").touch()
    with pytest.raises(StepFailure, match=r"model\.s3 holds no saved_model\.pb at its top, but weights\.h5"):
        accept(tmp_path, Pin("model.s3"))
