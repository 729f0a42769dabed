"""`python -m tests.corpus.kinds`: every kind of model in every type of quantization, into .cache/kinds/table.md.

A run that was interrupted goes on with --resume; without, every row is made anew. Ends with 1 where a row is not right.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from bench.markdown import escaped, table
from tests.corpus.kinds import runs, table_of_kinds
from tests.corpus.kinds.kind import RIGHT, Kind
from tests.corpus.kinds.runs import Row
from tflite_api.resource.quantization_types import FIXED, QuantizationType

CACHE: Final = Path(__file__).parents[3] / ".cache" / "kinds"
_HEAD: Final = (
    "kind",
    "type",
    "outcome",
    "as expected",
    "strategy",
    "SNR (dB)",
    "in use (dB)",
    "s",
    "MiB",
    "cure",
    "then",
)


def main(
    kind: Annotated[list[str], typer.Option(help="Which kinds; all by default.")] = [],  # noqa: B006 - never changed
    types: Annotated[list[QuantizationType], typer.Option("--type", help="Which types; all by default.")] = [],  # noqa: B006 - never changed
    resume: Annotated[bool, typer.Option(help="Keep the rows of an interrupted run.")] = False,
) -> None:
    """Convert small models of many kinds, and hold what comes of it against what is right."""
    if unknown := sorted(set(kind) - {one.name for one in table_of_kinds.ALL}):
        sys.exit(f"--kind {', '.join(unknown)}: use {', '.join(one.name for one in table_of_kinds.ALL)}")
    wanted = [one for one in table_of_kinds.ALL if one.name in kind or not kind]
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / "rows.jsonl"
    rows = _read(kept) if resume else {}
    kept.write_text("".join(_line(row) for row in rows.values()))
    for one in wanted:
        for row in _rows(one, [each for each in types or FIXED if (one.name, each) not in rows]):
            rows[row.kind, row.type] = row
            with kept.open("a") as file:
                file.write(_line(row))
            print(_in_words(row), flush=True)
    text = markdown([*rows.values()])
    (CACHE / "table.md").write_text(text)
    wrong = [row for row in rows.values() if not row.is_as_expected]
    print(f"{CACHE / 'table.md'}: {len(rows) - len(wrong)} of {len(rows)} as expected")
    sys.exit(1 if wrong else 0)


def _rows(kind: Kind, types: Sequence[QuantizationType]) -> list[Row]:
    if not types:
        return []
    folder = CACHE / "models" / kind.name
    runs.make(kind, folder)
    return [runs.row(kind, one, folder, CACHE / "work" / kind.name / one) for one in types]


def _read(path: Path) -> dict[tuple[str, QuantizationType], Row]:
    rows = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        found = json.loads(line)
        lists = {name: tuple(found.get(name, ())) for name in ("expected", "right_then")}
        row = Row(**found | lists | {"type": QuantizationType(found["type"])})
        rows[row.kind, row.type] = row
    return rows


def _line(row: Row) -> str:
    return json.dumps(asdict(row)) + "\n"


def _in_words(row: Row) -> str:
    mark = "wrong" if row.is_silently_wrong else "" if row.is_as_expected else "other"
    then = f"{row.cure} -> {row.cured}" if row.cure else ""
    figures = f"{row.said:>6} {_decibels(row):>6} {row.seconds:5.1f} s"
    return f"{mark:5} {row.kind:26} {row.type:14} {row.outcome:22} {figures} {then}"


def _decibels(row: Row) -> str:
    return "" if row.in_use is None else f"{row.in_use:.1f}"


def markdown(rows: Sequence[Row]) -> str:
    """Return counts by type, every row, and the message of every row that is a refusal or not as expected."""
    told = [row for row in rows if row.outcome != RIGHT or not row.is_as_expected]
    parts = [
        "# Kinds of models",
        "`in use` is measured by a LiteRT run of its own, on samples that the conversion never saw.",
        table(("type", "models", "outcomes", "not as expected"), [_counted(rows, kind) for kind in FIXED]),
        table(_HEAD, [_cells(row) for row in rows]),
        "\n".join(f"- **{row.kind}** {row.type}: {row.outcome}: {escaped(row.message)}" for row in told),
    ]
    return "\n\n".join(parts) + "\n"


def _counted(rows: Sequence[Row], kind: QuantizationType) -> tuple[str, ...]:
    mine = [row for row in rows if row.type == kind]
    outcomes = Counter(row.outcome for row in mine)
    listing = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    return str(kind), str(len(mine)), listing, str(sum(not row.is_as_expected for row in mine))


def _cells(row: Row) -> tuple[str, ...]:
    expected = "yes" if row.is_as_expected else f"no: {' or '.join(row.expected)}"
    figures = (row.said, _decibels(row), f"{row.seconds:.1f}", str(row.peak_bytes // 2**20))
    return (row.kind, str(row.type), row.outcome, expected, row.strategy, *figures, row.cure, row.cured)


if __name__ == "__main__":
    typer.run(main)
