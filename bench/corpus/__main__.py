"""`python -m bench.corpus FOLDER`: every SavedModel in it, in every mode, into .cache/corpus/table.md.

A run that was interrupted goes on with --resume; without, every row is made again.
"""

import json
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated

import typer

from bench.corpus import models, runs, table
from bench.corpus.models import CorpusModel
from bench.corpus.runs import MODES, USUAL_MODES, Mode, Row
from bench.processes import ROOT

CACHE = ROOT / ".cache" / "corpus"


def main(
    corpus: Annotated[Path, typer.Argument(help="Folder of SavedModel archives and folders.", exists=True)],
    mode: Annotated[
        list[str], typer.Option(help="A quantization type; None, Float16, DynamicRange and Int8 by default.")
    ] = [*USUAL_MODES],  # noqa: B006 - never changed
    model: Annotated[str, typer.Option(help="Only models with this in their name.")] = "",
    gate: Annotated[int | None, typer.Option(help="The SNR (dB) to ask of every type, not its own.")] = None,
    alone: Annotated[bool, typer.Option(help="Leave out the usual recipe.")] = False,
    jobs: Annotated[int, typer.Option(help="How many models at a time.")] = len(os.sched_getaffinity(0)),
    resume: Annotated[bool, typer.Option(help="Keep the rows of an interrupted run.")] = False,
) -> None:
    """Try every model of a folder in every mode, beside the usual recipe."""
    if unknown := sorted(set(mode) - set(MODES)):
        sys.exit(f"--mode {', '.join(unknown)}: use {', '.join(MODES)}")
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "models").mkdir(exist_ok=True)
    found = [one for one in models.find(corpus, CACHE / "models") if model in one.name]
    if not found:
        sys.exit(f"{corpus} holds no SavedModel, no .tar.gz, .tgz or .tar" + (f" named {model}" if model else ""))
    wanted = [one for one in MODES if one in mode]
    ledger = Ledger(CACHE / "rows.jsonl", len(found) * len(wanted), keep=resume)
    with ThreadPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(_try, one, wanted, ledger, gate, alone=alone) for one in found]):
            done.result()
    rows = sorted(ledger.rows.values(), key=lambda row: (row.model, MODES.index(row.mode)))
    (CACHE / "rows.tsv").write_text(table.tsv(rows))
    (CACHE / "table.md").write_text(table.markdown(rows))
    print(f"{CACHE / 'table.md'}: {sum(row.is_right for row in rows)} of {len(rows)} right")


class Ledger:
    """The rows made so far, on disk as soon as they are there."""

    def __init__(self, path: Path, expected: int, *, keep: bool) -> None:
        """Read the rows of an interrupted run, or begin again."""
        self._path = path
        self._expected = expected
        self._lock = threading.Lock()
        self.rows: dict[tuple[str, str], Row] = {}
        if keep and path.exists():
            for line in path.read_text().splitlines():
                self._take(Row(**json.loads(line)))
        elif path.exists():
            path.unlink()

    def _take(self, row: Row) -> None:
        self.rows[row.model, row.mode] = row

    def add(self, row: Row) -> None:
        """Keep a row, and show it."""
        with self._lock:
            with self._path.open("a") as file:
                file.write(json.dumps(row.to_object()) + "\n")
            self._take(row)
            print(f"[{len(self.rows):3}/{self._expected}] {_line(row)}", flush=True)


def _try(model: CorpusModel, modes: list[Mode], ledger: Ledger, gate: int | None, *, alone: bool) -> None:
    missing = [mode for mode in modes if (model.name, mode) not in ledger.rows]
    work = CACHE / "work" / model.name
    shutil.rmtree(work, ignore_errors=True)
    references = work / "reference"
    references.mkdir(parents=True)
    if missing and not alone:
        runs.keep_reference(model, references)
    for mode in missing:
        folder = work / mode
        folder.mkdir()
        usual = runs.NOT_TRIED if alone else runs.usual(model, mode, references, folder)
        ledger.add(runs.convert(model, mode, folder, usual, gate))


def _line(row: Row) -> str:
    ours = f"{row.verdict or row.reason or row.outcome} {row.snr} {row.strategy}"
    return f"{row.model[:50]:50} {row.mode:12} {ours[:44]:44} {row.seconds:5.1f} s | {row.usual[:70]}"


if __name__ == "__main__":
    typer.run(main)
