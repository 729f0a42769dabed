"""An archive puts nothing outside its folder, fills no disk and takes no longer than it is long."""

import json
from collections.abc import Callable

import pytest
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person
from tests.e2e.spec.test_bad_input import assert_nothing_published, assert_stalled
from tflite_api.names import PREPARE

LINKS = 9000
FOLDERS = 100_000


def _folders(deep: int) -> bytes:
    below = "/".join("a" * (deep - 1))
    return models.archive(*(models.folder(f"{number}/{below}") for number in range(FOLDERS // deep)))


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "path above": (lambda: models.archive(models.file("../../tmp/planted")), "../../tmp/planted"),
    "absolute path": (lambda: models.archive(models.file("/tmp/planted")), "/tmp/planted"),
    "link to the outside": (lambda: models.archive(models.link("variables", "/proc/1/environ")), "variables"),
    "bomb": (lambda: models.bomb(512 << 20), "times"),
    "deep folders": (lambda: _folders(500), "more than 32 folders deep"),
    "many folders": (lambda: _folders(30), "holds more than 10000 folders"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_hostile_archive_is_refused(
    bench: Workbench, env: Environment, s3: S3Client, editor: Person, kind: str
) -> None:
    packed, words = ARCHIVES[kind]
    handle = models.serve_archive(env, f"e2e/{kind.replace(' ', '-')}/1", packed())
    finished = editor.run(bench.conversion("packed", handle))
    assert_stalled(finished, "ArchiveRefused", words)
    assert_nothing_published(finished, s3, bench)


def _links() -> bytes:
    """Return links to links to a file, and one more that leads nowhere: all others are followed before."""
    deep = "a/" * 32
    chain = [models.link(f"{deep}l{at + 1}", f"l{at}") for at in range(LINKS)]
    return models.archive(models.file(f"{deep}l0"), *chain, models.link("stray", "nowhere"))


def test_links_to_links_take_no_longer_than_there_are_links(bench: Workbench, env: Environment, editor: Person) -> None:
    handle = models.serve_archive(env, "e2e/links-to-links/1", _links())
    finished = editor.run(bench.conversion("linked", handle))
    assert_stalled(finished, "ArchiveRefused", "holds the link 'stray', which leads to no file of the archive")
    [pod] = json.loads(bench.kubectl("get", "pods", "-o", "json"))["items"]
    [ended] = [one["state"]["terminated"] for one in pod["status"]["initContainerStatuses"] if one["name"] == PREPARE]
    # Less than a second's work; if each is followed from its own beginning, twenty seconds' (own measurement).
    assert json.loads(ended["message"])["durationSeconds"] < 10
