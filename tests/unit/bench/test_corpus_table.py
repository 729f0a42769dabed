"""The corpus table counts what it shows, and shows why a row is not right."""

from dataclasses import replace
from pathlib import Path

from bench.corpus import models, table
from bench.corpus.runs import Row

RIGHT = Row(
    model="a",
    mode="None",
    outcome="SUCCESS",
    reason="Converted",
    verdict="SNRSufficient",
    strategy="Plain",
    snr="120.0",
    size=1000,
    seconds=4.0,
    peak_bytes=600 << 20,
    message="SNR 120.0 dB",
    usual="right (120.0 dB)",
    usual_seconds=3.0,
    usual_peak_bytes=500 << 20,
)
REFUSED = replace(
    RIGHT,
    model="b",
    outcome="STALLED",
    reason="UnsupportedOperation",
    verdict="",
    snr="",
    message="LiteRT lacks a|b",
    usual="fails: error",
)
UNKNOWN = replace(RIGHT, model="c", verdict="NonDeterministic", message="The model differs", usual="wrong: 3.0 dB")


def test_outcomes_are_counted_by_mode() -> None:
    text = table.markdown([RIGHT, REFUSED, UNKNOWN])
    assert "| None | 3 | 1 right, 1 UnsupportedOperation, 1 NonDeterministic | 1 right, 1 fails, 1 wrong |" in text


def test_what_is_not_right_says_why() -> None:
    text = table.markdown([RIGHT, REFUSED, UNKNOWN])
    assert "- **b** None: UnsupportedOperation: LiteRT lacks a\\|b" in text
    assert "- **c** None: NonDeterministic: The model differs" in text
    assert "- **a**" not in text


def test_every_field_of_every_row_is_in_the_file_for_programs() -> None:
    head, *lines = table.tsv([RIGHT, REFUSED]).splitlines()
    assert head.split("\t") == list(Row.__dataclass_fields__)
    assert [line.split("\t")[0] for line in lines] == ["a", "b"]


def test_archives_and_folders_are_models_and_nothing_else_is(tmp_path: Path) -> None:
    corpus, unpacked = tmp_path / "corpus", tmp_path / "unpacked"
    for folder in (corpus / "plain", corpus / "empty", unpacked):
        folder.mkdir(parents=True)
    (corpus / "plain" / "saved_model.pb").write_bytes(b"")
    (corpus / "notes.tsv").write_text("no model")
    (corpus / "broken.tar.gz").write_bytes(b"no archive")
    found = {model.name: model.folder for model in models.find(corpus, unpacked)}
    assert found == {"plain": corpus / "plain", "empty": None, "broken": None}


def test_what_auto_came_to_is_beside_the_smallest_type_that_holds() -> None:
    chosen = '{"type": "WeightOnlyInt4"}'
    auto = replace(RIGHT, mode="Auto", size=380, snr="26.1", chosen=chosen, trials=5, seconds=20.0)
    smaller, wrong = replace(RIGHT, mode="DynamicRange", size=400), replace(RIGHT, mode="Int8", size=300, verdict="")
    text = table.markdown([RIGHT, smaller, wrong, auto])
    assert f"| a | {chosen} | 26.1 | 380 | DynamicRange 400 | -5.0 % | 5 | 20 | 12 |" in text
    assert "Type Auto" not in table.markdown([RIGHT, smaller])
