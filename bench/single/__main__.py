"""`python -m bench.single`: one conversion from apply to Ready, beside a bare Job and the usual script, in turn.

A bare Job has the pod of the conversion, whose three containers do nothing: what Kubernetes takes for it. The usual
script converts and no more, in a process of this machine. The conversion also fetches, verifies and publishes.

Needs the throw-away cluster (`make up`, and `eval "$(make -s env)"`), and nothing else that runs on the machine.
"""

import io
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from kubernetes import config

from bench.markdown import table
from bench.peer import CACHE, export, script, spread
from bench.single import cluster, stages
from dev.host import archive
from dev.testing import installation
from tests.e2e.conftest import SECRET, new_namespace
from tests.e2e.fixtures import environment, models
from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.environment import Environment
from tflite_api.names import STEPS

GOAL: Final = 0.85
_MODELS: Final = ("basic-pitch", "MobileNetV2")


@dataclass(frozen=True)
class Round:
    """What was measured one after the other (s)."""

    conversion: cluster.Run
    bare: float
    script: float

    @property
    def ratio(self) -> float:
        """The conversion's time to that of the bare Job and the script together."""
        return self.conversion.seconds / (self.bare + self.script)


def main(
    model: Annotated[list[str], typer.Option(help="Which models; both by default.")] = [*_MODELS],  # noqa: B006 - never changed
    rounds: Annotated[int, typer.Option(min=2, help="Rounds, after one to warm up.")] = 5,
) -> None:
    """Measure, and print what was measured."""
    if absent := environment.missing(os.environ):
        sys.exit(f'No cluster: {", ".join(absent)} not set; run `make up`, and eval "$(make -s env)"')
    env = environment.from_variables()
    CACHE.mkdir(parents=True, exist_ok=True)
    installation.install(env.kubectl, env.operator_image, env.converter_image)
    lines, where = [], []
    for name in model:
        measured = _rounds(env, name, rounds)
        lines.append(_line(name, measured))
        where.append(_stage_line(name, measured))
        print(lines[-1], flush=True)
    head = ("model", "conversion s", "bare Job s", "script s", "ratio")
    text = (
        f"Apply to Ready of one conversion / (bare Job + usual script), median of {rounds} rounds (least to most);"
        f" the goal is at most {GOAL}.\n\n{table(head, lines)}\n\n"
        f"Where its seconds go (median), as a watch saw them; of a step also what it measured itself:\n\n"
        f"{table(('model', *stages.NAMES), where)}\n"
    )
    (CACHE / "single.md").write_text(text)
    print(f"\n{text}")


def _rounds(env: Environment, name: str, rounds: int) -> list[Round]:
    handle, folder = _served(env, name)
    api, s3 = config.new_client_from_config(env.kubeconfig, context=env.context), env.storage()
    bucket = f"bench-single-{os.getpid()}"
    s3.create_bucket(Bucket=bucket)
    measured = []
    with new_namespace(api, env) as namespace:
        bench = Workbench(env, api, namespace, bucket, SECRET)
        for number in range(rounds + 1):
            conversion = cluster.convert(bench, f"{name.lower()}-{number}", handle)
            s3.delete_object(Bucket=bucket, Key=f"{name.lower()}-{number}.tflite")
            bare = cluster.run_bare(bench, f"bare-{number}", conversion.job)
            measured.append(Round(conversion, bare, script(folder).seconds))
    s3.delete_bucket(Bucket=bucket)
    return measured[1:]


def _served(env: Environment, name: str) -> tuple[str, Path]:
    """Return a model's handle, and its folder."""
    if name == "basic-pitch":
        handle = models.serve_basic_pitch(env)
    else:
        handle = models.serve_saved_model(env, f"bench/{name}/1", lambda folder: export(name, folder))
    folder = env.hub_dir / handle.removeprefix(f"{env.hub_url}/")
    # A Hub has archives: ours packs a folder when it is asked, which took most of the time of `prepare`.
    packed = io.BytesIO()
    archive.pack(folder, packed)
    return models.serve_archive(env, f"bench/packed/{name}/1", packed.getvalue()), folder


def _line(name: str, measured: Sequence[Round]) -> tuple[str, ...]:
    columns = [
        [each.conversion.seconds for each in measured],
        [each.bare for each in measured],
        [each.script for each in measured],
    ]
    ratios = [each.ratio for each in measured]
    return (name, *(f"{statistics.median(column):.2f}" for column in columns), spread(ratios))


def _stage_line(name: str, measured: Sequence[Round]) -> tuple[str, ...]:
    found = [stages.stages(each.conversion.seen, each.conversion.seconds) for each in measured]
    own = [stages.told(each.conversion.seen) for each in measured]
    cells = []
    for stage in stages.NAMES:
        cell = f"{statistics.median(each[stage] for each in found):.2f}"
        step = stage.removeprefix("in ")
        if step in STEPS:
            cell += f" (itself {statistics.median(each.get(step, 0.0) for each in own):.2f})"
        cells.append(cell)
    return (name, *cells)


if __name__ == "__main__":
    typer.run(main)
