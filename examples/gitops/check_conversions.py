"""Convert what a pull request changes, and write what came out as a Markdown table.

Needs Python and git alone. The command that converts is given after `--`: `tflite-convert run`, or a container of it.
Ends with 0 where every conversion succeeded, 3 where a spec or model must change, 4 where another try may help.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_KIND = re.compile(r"^kind:\s*[\"']?TFLiteConversion\b", re.MULTILINE)
_SHORT = 300


def changed(base: str) -> list[Path]:
    """List the files with conversions that differ from the base and are still there."""
    argv = ["git", "diff", "--name-only", "--diff-filter=d", "-z", f"{base}...HEAD", "--", "*.yaml", "*.yml"]
    names = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split("\0")
    return [Path(name) for name in names if name and _KIND.search(Path(name).read_text(errors="replace"))]


def convert(file: Path, folder: Path, command: Sequence[str]) -> tuple[int, list[dict[str, Any]]]:
    """Run the command on one file; give its exit code and the results it left, each with the name of its conversion."""
    folder.mkdir(parents=True, exist_ok=True)
    code = subprocess.run([*command, "-f", str(file), "--output", str(folder.resolve())], check=False).returncode
    results = []
    for path in sorted(folder.rglob("result.json")):
        name = "" if path.parent == folder else path.parent.name
        results.append({"name": name, **json.loads(path.read_text())})
    return code, results


def rows(file: Path, code: int, results: list[dict[str, Any]]) -> list[str]:
    """Return the table's rows of one file. What a model may have had a say in is shown as plain text."""
    if not results:
        return [f"| {plain(str(file))} | :x: | the command ended with {code} and left no result | | |"]
    return [_row(file, result) for result in results]


def _row(file: Path, result: dict[str, Any]) -> str:
    place = f"{file} {result['name']}".strip()
    artifact, measured = result.get("artifact") or {}, result.get("verification") or {}
    mark = ":white_check_mark:" if artifact else ":x:"
    size = f"{artifact['sizeBytes'] / 1e6:.2f} MB" if artifact else ""
    error = measured.get("snrDecibels")
    words = plain(f"{result.get('reason')}: {result.get('message')}")
    return f"| {plain(place)} | {mark} | {words} | {plain(f'{error} dB' if error else '')} | {size} |"


def plain(text: str) -> str:
    """Return a text for a cell of a Markdown table as code, in which nothing links, calls anybody or ends the cell."""
    line = " ".join(text.split())
    short = line if len(line) <= _SHORT else f"{line[:_SHORT]}..."
    return "`{}`".format(short.replace("`", "'").replace("|", "\\|")) if short else ""


def table(lines: Sequence[str]) -> str:
    """Return the page."""
    if not lines:
        return "No conversion was changed.\n"
    head = "| conversion | | what came of it | SNR | size |\n| --- | --- | --- | --- | --- |\n"
    return f"### Conversions\n\n{head}" + "".join(f"{line}\n" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Convert, and write table.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="commit or branch that the pull request is compared with")
    parser.add_argument("--output", required=True, type=Path, help="folder for artifacts, results and table.md")
    parser.add_argument("command", nargs="+", help="what converts, after --; gets -f FILE --output FOLDER")
    given = parser.parse_args(arguments)
    codes, lines = {0}, []
    for number, file in enumerate(changed(given.base)):
        code, results = convert(file, given.output / str(number), given.command)
        codes.add(code)
        lines += rows(file, code, results)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "table.md").write_text(table(lines))
    return next(code for code in (3, 4, *sorted(codes, reverse=True)) if code in codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
