"""A model is copied out of a volume, and nothing that is not in the volume comes along."""

import os
from pathlib import Path

import pytest

from tests.unit.converter.fetch.archive.archives import zipped
from tests.unit.converter.fetch.test_fetched import FILES, contents, written
from tflite_api.reasons import Reason
from tflite_api.sources.volume import VolumeSource
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, accept
from tflite_converter.fetch.sources.volume import fetch


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    written(tmp_path / "volume/models/1")
    return tmp_path / "volume"


def fetched(volume: Path, path: str | None, limits: FetchLimits | None = None, pin: str | None = None) -> FetchedModel:
    folder, scratch = volume.parent / "unpacked", volume.parent / "scratch"
    folder.mkdir()
    scratch.mkdir()
    place = Place(folder, scratch, limits or FetchLimits(), LoggedProgress())
    try:
        return fetch(VolumeSource(claim_name="models", path=path), pin, place, volume)
    finally:
        assert list(scratch.iterdir()) == []
        assert not any(found.is_symlink() for found in folder.rglob("*"))


def refused(volume: Path, path: str | None, limits: FetchLimits | None = None) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        fetched(volume, path, limits)
    return caught.value


@pytest.mark.parametrize("path", ["models/1", "models/1/", "models", None])
def test_a_folder_is_copied_and_has_the_digest_of_its_files(volume: Path, path: str | None) -> None:
    digest = accept(volume / "models/1", Pin("model.handle")).digest
    found = fetched(volume, path, pin=digest.removeprefix("sha256:"))
    assert found.digest == digest
    assert contents(found.folder) == FILES
    assert found.folder.is_relative_to(volume.parent / "unpacked")


def test_an_archive_is_unpacked_to_the_same_digest(volume: Path) -> None:
    (volume / "model.bin").write_bytes(zipped(*FILES.items()))
    digest = accept(volume / "models/1", Pin("model.handle")).digest
    assert fetched(volume, "model.bin").digest == digest


def test_links_within_the_volume_are_followed(volume: Path) -> None:
    (volume / "latest").symlink_to("models/1")
    (volume / "blob").write_bytes(b"graph")
    (volume / "models/1/saved_model.pb").unlink()
    (volume / "models/1/saved_model.pb").symlink_to("../../blob")
    assert (fetched(volume, "latest").folder / "saved_model.pb").read_bytes() == b"graph"


@pytest.mark.parametrize("target", ["/proc/self/environ", "../../../secret", "/proc/self", "../../.."])
def test_a_link_out_of_the_volume_is_refused(volume: Path, target: str) -> None:
    (volume.parent / "secret").write_text("secret")
    (volume / "models/1/assets").symlink_to(target)
    failure = refused(volume, "models/1")
    assert failure.reason is Reason.ARCHIVE_REFUSED
    assert "which leads out of the volume" in failure.message
    assert not any(b"secret" in content for content in contents(volume.parent / "unpacked").values())


@pytest.mark.parametrize("target", ["/proc/self/environ", "..", "/etc"])
def test_a_path_that_leaves_the_volume_by_a_link_is_refused(volume: Path, target: str) -> None:
    (volume / "latest").symlink_to(target)
    failure = refused(volume, "latest")
    assert failure.reason is Reason.ARCHIVE_REFUSED
    assert failure.message == (
        "latest of volume models is a link that leads out of the volume."
        " Leave nothing but the SavedModel's own files there"
    )


@pytest.mark.parametrize("path", ["models/2", "models/1/saved_model.pb/x", "round"])
def test_a_path_that_is_not_there_is_named(volume: Path, path: str) -> None:
    (volume / "round").symlink_to("round")
    failure = refused(volume, path)
    assert failure.reason is Reason.MODEL_NOT_FOUND
    assert f"{path} of volume models" in failure.message
    assert failure.message.endswith("correct model.volume.path")


def test_links_in_a_circle_end(volume: Path) -> None:
    for name in ("one", "other"):
        (volume / f"models/{name}").symlink_to(".")
    assert refused(volume, "models").reason is Reason.ARCHIVE_REFUSED


def test_more_links_than_the_kernel_follows_are_refused_as_too_deep(volume: Path) -> None:
    """Long before the bound on depth: each step takes several links."""
    (volume / "models/one").symlink_to("hop-0")
    for number in range(4):
        (volume / f"models/hop-{number}").symlink_to(f"hop-{number + 1}" if number < 3 else ".")
    assert "a link to a folder above" in refused(volume, "models").message


def test_what_is_no_file_is_refused_without_waiting_for_it(volume: Path) -> None:
    os.mkfifo(volume / "models/1/pipe")
    assert "'pipe', which is no plain file" in refused(volume, "models/1").message


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"max_files": 2}, Reason.ARCHIVE_REFUSED), ({"max_unpacked_bytes": 10}, Reason.MODEL_TOO_LARGE)],
)
def test_the_limits_hold(volume: Path, limits: dict[str, int], reason: Reason) -> None:
    assert refused(volume, "models/1", FetchLimits(**limits)).reason is reason


def test_the_limit_of_an_archive_holds(volume: Path) -> None:
    (volume / "a").write_bytes(bytes(1000))
    assert refused(volume, "a", FetchLimits(max_archive_bytes=999)).reason is Reason.MODEL_TOO_LARGE


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything: the end-to-end test has another user")
def test_files_that_may_not_be_read_are_named(volume: Path) -> None:
    (volume / "models/1/saved_model.pb").chmod(0)
    assert refused(volume, "models/1").reason is Reason.MODEL_ACCESS_DENIED
