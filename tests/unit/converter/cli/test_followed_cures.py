"""A file, a folder or a metric that is given as the command line's refusal says is taken."""

from pathlib import Path

import pytest

from tests.unit.converter.cli.test_manifest import GOOD
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_converter.cli import manifest
from tflite_converter.compare import metric_option
from tflite_converter.core.step_files import ARTIFACT_FILE, REPORT_PAGE_FILE
from tflite_converter.steps import local, runner

INVALID = Reason.INVALID_SPEC
ONE, OTHER = GOOD.replace("NAME", "a"), GOOD.replace("NAME", "b")
LARGE = "#" * (5 << 20)


def read(text: str | None) -> Trial:
    """Return what reads a file with conversions; none is there where no text is."""

    def trial(folder: Path) -> object:
        if text is not None:
            (folder / "conversion.yaml").write_text(text)
        return manifest.read(folder / "conversion.yaml")

    return trial


def into(*taken: str, folder_named: str = "out", wants_page: bool = False) -> Trial:
    """Return what makes a folder ready for a run, in which such files are; `file` is a file in its place."""

    def trial(folder: Path) -> None:
        if taken == ("file",):
            (folder / "out").write_text("a file")
        for name in () if taken == ("file",) else taken:
            (folder / "out").mkdir(exist_ok=True)
            (folder / "out" / name).write_text("somebody's own")
        local.clear(folder / folder_named, wants_page=wants_page)

    return trial


NAME_A_FILE = "Name the file of a conversion with --file"
FOLLOWED: list[Followed] = [
    followed(NAME_A_FILE, INVALID, read(None), read(ONE)),
    followed(NAME_A_FILE, INVALID, read(ONE + LARGE), read(ONE)),
    followed("Correct it there", INVALID, read("a: ["), read(ONE)),
    followed("correct or remove it", INVALID, read(f"just words\n---\n{ONE}"), read(ONE)),
    followed("rename one", INVALID, read(f"{ONE}\n---\n{ONE}"), read(f"{ONE}\n---\n{OTHER}")),
    followed("name a file that holds one with --file", INVALID, read("kind: Secret"), read(ONE)),
    followed(
        "correct its name, or leave it out",
        INVALID,
        read(ONE + "  quantisation: {type: None}"),
        read(ONE + "  quantization: {type: None}"),
        read(ONE),
    ),
    followed("choose another --output", INVALID, into("file"), into("file", folder_named="other")),
    followed(
        "choose another --output",
        Reason.DESTINATION_CONFLICT,
        into(ARTIFACT_FILE),
        into(ARTIFACT_FILE, folder_named="other"),
    ),
    followed(
        "choose another --output",
        Reason.DESTINATION_CONFLICT,
        into(REPORT_PAGE_FILE, wants_page=True),
        into(REPORT_PAGE_FILE, folder_named="other", wants_page=True),
    ),
    followed(
        "On your own machine use `tflite-convert run`",
        INVALID,
        lambda _: runner.read_request({}),
        read(ONE),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


METRICS: list[tuple[str, str, str]] = [
    (
        "Top1Accuracy",
        "write for example Top1Accuracy,output=scores,labels=label,maxDrop=0.01",
        "Top1Accuracy,output=scores,labels=label,maxDrop=0.01",
    ),
    ("R2,output", "write for example", "R2,output=y,labels=label"),
    ("R2,output=y,output=z,labels=label", "names output twice", "R2,output=y,labels=label"),
    ("R2,output=y,labels=label,baseline=Model", "leave baseline out", "R2,output=y,labels=label"),
]


@pytest.mark.parametrize(("wrong", "words", "right"), METRICS)
def test_a_metric_that_is_written_as_a_refusal_says_is_taken(wrong: str, words: str, right: str) -> None:
    with pytest.raises(ValueError, match=words):
        metric_option.parse(wrong)
    metric_option.parse(right)
