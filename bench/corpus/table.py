"""The table of a run, for people and for programs."""

import csv
import io
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence

from bench.corpus.runs import MODES, Mode, Row
from bench.markdown import escaped, table

_HEAD = (
    *("model", "mode", "outcome", "reason", "verdict", "strategy", "SNR (dB)", "bytes", "s", "peak MiB"),
    *("usual recipe", "s", "peak MiB"),
)


def markdown(rows: Sequence[Row]) -> str:
    """Return counts by mode, every row, and the message of every row that is not right."""
    parts = [
        "# Corpus",
        _counts(rows),
        "## Measured SNR (dB) of what passed the gate, exact results left out",
        _distribution(rows),
        *_search(rows),
        "## Every row",
        table(_HEAD, [_cells(row) for row in rows]),
        "## What is not right, and why",
        "\n".join(f"- **{row.model}** {row.mode}: {escaped(_why(row))}" for row in rows if not row.is_right),
    ]
    return "\n\n".join(parts) + "\n"


def _search(rows: Sequence[Row]) -> list[str]:
    """Return what type Auto came to, beside the smallest type that holds; nothing where it was not tried."""
    lines = []
    for row in filter(_is_search, rows):
        fixed = [each for each in rows if each.model == row.model and not _is_search(each)]
        holding = [each for each in fixed if each.is_right and each.size is not None]
        smallest = min(holding, key=lambda each: each.size or 0, default=None)
        best = f"{smallest.mode} {smallest.size}" if smallest is not None else "none holds"
        difference = ""
        if smallest is not None and smallest.size and row.size:
            difference = f"{100 * (row.size - smallest.size) / smallest.size:+.1f} %"
        seconds = (f"{row.seconds:.0f}", f"{sum(each.seconds for each in fixed):.0f}")
        found = (row.snr, str(row.size or row.reason), best, difference, str(row.trials), *seconds)
        lines.append((row.model, row.chosen, *found))
    head = ("model", "chosen", "SNR (dB)", "bytes", "smallest type", "against it", "trials", "s", "s of all types")
    return ["## Type Auto beside the smallest type that holds", table(head, lines)] if lines else []


def _is_search(row: Row) -> bool:
    return row.mode == Mode.AUTO


def tsv(rows: Iterable[Row]) -> str:
    """Return every field of every row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Row.__dataclass_fields__), dialect="excel-tab", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_object() for row in rows)
    return text.getvalue()


def _counts(rows: Sequence[Row]) -> str:
    lines = []
    for mode in MODES:
        mine = [row for row in rows if row.mode == mode]
        if mine:
            ours = Counter("right" if row.is_right else row.verdict or row.reason or "no result" for row in mine)
            usual = Counter(row.usual.partition(" (")[0].partition(":")[0] for row in mine)
            lines.append((mode, str(len(mine)), _listing(ours), _listing(usual)))
    return table(("mode", "models", "tflite-convert", "usual recipe"), lines)


def _distribution(rows: Sequence[Row]) -> str:
    lines = []
    for mode in MODES:
        measured = sorted(float(row.snr) for row in rows if row.mode == mode and row.is_right and row.snr != "inf")
        if measured:
            tenth, median = measured[len(measured) // 10], statistics.median(measured)
            lines.append((mode, str(len(measured)), *(f"{value:.1f}" for value in (measured[0], tenth, median))))
    return table(("mode", "artifacts", "least", "a tenth is below", "median"), lines)


def _listing(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.most_common())


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.model,
        row.mode,
        row.outcome,
        row.reason,
        row.verdict,
        row.strategy,
        row.snr,
        str(row.size or ""),
        f"{row.seconds:.1f}",
        _mebibytes(row.peak_bytes),
        row.usual,
        f"{row.usual_seconds:.1f}",
        _mebibytes(row.usual_peak_bytes),
    )


def _mebibytes(count: int | None) -> str:
    return f"{count / 2**20:.0f}" if count else ""


def _why(row: Row) -> str:
    return f"{row.verdict or row.reason or row.outcome}: {row.message}"
