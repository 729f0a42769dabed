"""A model that is placed, named or opened as the refusal of its source says is fetched."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.fetch.sources import test_gcs, test_kaggle, test_s3, test_volume
from tests.unit.converter.fetch.sources.kaggle_server import Kaggle
from tests.unit.converter.fetch.sources.test_kaggle import kaggle
from tests.unit.converter.fetch.sources.test_s3 import ARCHIVE, FOLDER, bucket_of
from tests.unit.converter.fetch.test_fetched import written
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.storage.store import Fault, StoreError

__all__ = ["kaggle"]

MISSING, DENIED, REFUSED = Reason.MODEL_NOT_FOUND, Reason.MODEL_ACCESS_DENIED, Reason.ARCHIVE_REFUSED
CLEAR_UP = "Leave nothing but the SavedModel's own files there"
SMALLER = "Use a smaller model, or have the limits raised"


def bucket(fault: Fault | None = None, hint: str = "", limits: dict[str, int] | None = None, **where: Any) -> Trial:
    """Return what fetches from a bucket; one with a fault says no where it is asked for the key a.zip."""

    def trial(folder: Path) -> object:
        there = bucket_of(FOLDER | {"a.zip": ARCHIVE, "b.zip": ARCHIVE})
        if fault is not None:
            there.faults["a.zip"] = StoreError(fault, "the server says no", hint=hint)
        return test_s3.fetched(folder, there, FetchLimits(**(limits or {})), **where)

    return trial


SECRET: dict[str, Any] = {"secretRef": {"name": "reader"}}
BUCKETS: list[Followed] = [
    followed("correct model.s3.prefix", MISSING, bucket(prefix="tiny/2"), bucket(prefix="tiny/1")),
    followed("correct model.s3.key", MISSING, bucket(Fault.NO_OBJECT, key="a.zip"), bucket(key="b.zip")),
    followed("correct model.s3.bucket", MISSING, bucket(Fault.NO_BUCKET, key="a.zip"), bucket(key="a.zip")),
    followed("set model.s3.secretRef", DENIED, bucket(Fault.REFUSED, key="a.zip"), bucket(key="a.zip", **SECRET)),
    followed(
        "they need s3:GetObject, and s3:ListBucket for a prefix",
        DENIED,
        bucket(Fault.REFUSED, key="a.zip", **SECRET),
        bucket(key="a.zip", **SECRET),
    ),
    followed(
        "use another model.s3", Reason.INVALID_SPEC, bucket(Fault.NOT_IMPLEMENTED, key="a.zip"), bucket(key="b.zip")
    ),
    followed(
        SMALLER,
        Reason.MODEL_TOO_LARGE,
        bucket(limits={"max_archive_bytes": 10}, key="a.zip"),
        bucket(limits={"max_archive_bytes": 10_000}, key="a.zip"),
    ),
    followed(
        "Use an address elsewhere, or have the administrator allow such addresses (ALLOW_LOCAL_ADDRESSES)",
        Reason.ADDRESS_REFUSED,
        bucket(key="a.zip", endpoint="http://127.0.0.1"),
        bucket(key="a.zip", endpoint="https://s3.invalid"),
        bucket(key="a.zip", endpoint="http://127.0.0.1", limits={"allow_local_addresses": True}),
    ),
]


def handle(path: str, fault: Fault | None = None) -> Trial:
    def trial(folder: Path) -> object:
        there = bucket_of(FOLDER)
        if fault is not None:
            there.faults["tiny/1/"] = there.faults["tiny/1"] = StoreError(fault, "the server says no")
        return test_gcs.fetched(folder, there, path)

    return trial


HANDLES: list[Followed] = [
    followed("correct model.handle", MISSING, handle("tiny/2"), handle("tiny/1")),
    followed("correct model.handle", MISSING, handle("tiny/1", Fault.NO_BUCKET), handle("tiny/1")),
    followed("Correct model.handle", Reason.INVALID_SPEC, handle("tiny/1", Fault.OTHER_REGION), handle("tiny/1")),
    followed(
        "use model.s3 instead, with the endpoint https://storage.googleapis.com and the Secret of an HMAC key",
        DENIED,
        handle("tiny/1", Fault.REFUSED),
        bucket(prefix="tiny/1", endpoint="https://storage.googleapis.com", **SECRET),
    ),
    followed(
        "or take the model from model.s3 or model.volume",
        Reason.SERVER_UNREACHABLE,
        handle("tiny/1", Fault.UNKNOWN_HOST),
        bucket(prefix="tiny/1"),
    ),
]


def volume(path: str = "models/1", harm: Callable[[Path], object] = lambda _: None, **limits: int) -> Trial:
    """Return what copies a model out of a volume, in which something more may be."""

    def trial(folder: Path) -> object:
        written(folder / "volume/models/1")
        harm(folder / "volume/models/1")
        return test_volume.fetched(folder / "volume", path, FetchLimits(**limits))

    return trial


VOLUMES: list[Followed] = [
    followed("correct model.volume.path", MISSING, volume("models/2"), volume("models/1")),
    followed("correct model.volume.path", MISSING, volume("models/1/saved_model.pb/x"), volume("models/1")),
    *(
        followed(CLEAR_UP, REFUSED, volume(harm=harm), volume())
        for harm in (
            lambda model: (model / "assets").symlink_to("/proc/self"),
            lambda model: (model / "notes").symlink_to("nowhere"),
            lambda model: (model / "again").symlink_to("."),
            lambda model: os.mkfifo(model / "pipe"),
        )
    ),
    followed(
        "Keep the SavedModel's own files alone, or have the administrator raise MAX_FILES",
        REFUSED,
        volume(max_files=3),
        volume(max_files=4),
    ),
    followed(SMALLER, Reason.MODEL_TOO_LARGE, volume(max_unpacked_bytes=10), volume(max_unpacked_bytes=1000)),
]


@pytest.mark.parametrize("case", BUCKETS + HANDLES + VOLUMES, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything: the end-to-end test has another user")
def test_files_that_may_be_read_by_then_are_copied(tmp_path: Path) -> None:
    locked = volume(harm=lambda model: (model / "saved_model.pb").chmod(0))
    follow(followed("give them the right to", DENIED, locked, volume()), tmp_path)


def test_what_kaggle_has_is_fetched_once_it_is_asked_for_rightly(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(key: str | None = "secret-key", **given: Any) -> Trial:
        def trial(folder: Path) -> object:
            monkeypatch.delenv("KAGGLE_KEY", raising=False)
            if key is not None:
                monkeypatch.setenv("KAGGLE_KEY", key)
            return test_kaggle.fetched(folder, **given)

        return trial

    cases = [
        followed("set model.kaggle.secretRef", DENIED, asked(None, holder=None), asked()),
        followed("correct them, or accept the model's terms with that account", DENIED, asked("another"), asked()),
        followed("correct model.kaggle.handle", MISSING, asked(handle="team/tiny/tensorFlow2/large/1"), asked()),
        followed(
            "write for example tensorFlow2 in model.kaggle.handle",
            MISSING,
            asked(handle="team/tiny/tensorFlow9/small/2"),
            asked(handle="team/tiny/tensorFlow2/small/2"),
        ),
        followed("Correct the Secret or its permissions", Reason.CREDENTIALS_REFUSED, asked("'secret-key'"), asked()),
        followed(
            SMALLER,
            Reason.MODEL_TOO_LARGE,
            asked(limits=FetchLimits(max_archive_bytes=100)),
            asked(limits=FetchLimits(max_archive_bytes=10_000)),
        ),
    ]
    for number, case in enumerate(cases):
        (tmp_path / str(number)).mkdir()
        follow(case, tmp_path / str(number))
