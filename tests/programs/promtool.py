"""Asks Prometheus' own tools."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from dev.building import binaries
from dev.host.checkout import Checkout


@dataclass(frozen=True)
class Named:
    """What a PromQL expression names."""

    selectors: tuple[tuple[str, frozenset[str]], ...]
    """Each metric, with the labels by which it is selected."""
    grouping: frozenset[str]


def promtool(*arguments: str) -> str:
    """Run promtool; give what it prints.

    Raises:
        AssertionError: it finds fault; the message is its own.
    """
    program = str(binaries.make_tool(Checkout.here(), "promtool"))
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def named(expressions: Sequence[str]) -> list[Named]:
    """Read PromQL expressions with Prometheus' own parser."""
    program = str(binaries.make_tool(Checkout.here(), "selectors"))
    lines = "\n".join(" ".join(one.split()) for one in expressions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(expressions)
    assert [one["error"] for one in answers if one["error"]] == []
    return [
        Named(
            tuple((one["metric"], frozenset(one["labels"])) for one in answer["selectors"]),
            frozenset(answer["grouping"]),
        )
        for answer in answers
    ]
