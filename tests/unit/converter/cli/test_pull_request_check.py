"""The check of a pull request on conversions, on a real repository and with the real command."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import actionlint

GITOPS = Path(__file__).parents[4] / "examples/gitops"
CHECK = GITOPS / "check_conversions.py"
REAL = [sys.executable, "-m", "tflite_converter", "run"]


def conversion(name: str, handle: str, **spec: Any) -> str:
    made = {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {"name": name},
        "spec": {"model": {"handle": handle}, **spec},
    }
    return yaml.safe_dump(made)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a branch `main` that has two conversions and a file of another kind."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "same.yaml").write_text(conversion("same", "https://models.invalid/same"))
    (folder / "gone.yaml").write_text(conversion("gone", "https://models.invalid/gone"))
    (folder / "other.yaml").write_text("kind: ConfigMap\n")
    commit(folder)
    git(folder, "checkout", "--quiet", "-b", "change")
    return folder


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a")


def check(folder: Path, command: list[str] = REAL) -> tuple[int, str]:
    argv = [sys.executable, str(CHECK), "--base", "main", "--output", str(folder / "out"), "--", *command]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ))
    table = folder / "out/table.md"
    assert table.exists(), done.stderr
    return done.returncode, table.read_text()


def rows(table: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table.splitlines()
        if line.startswith("| `")
    ]


@pytest.mark.tensorflow
def test_what_changed_is_converted_and_what_came_of_it_is_in_the_table(repository: Path, models: Path) -> None:
    (repository / "gone.yaml").unlink()
    (repository / "other.yaml").write_text("kind: Secret\n")
    (repository / "deep").mkdir()
    (repository / "deep/good.yaml").write_text(conversion("good", (models / "dense").as_uri()))
    two = conversion("first", (models / "dense").as_uri(), quantization={"type": "Float16"})
    (repository / "two.yml").write_text(f"{two}---\n{conversion('second', (models / 'absent').as_uri())}")
    commit(repository)
    code, table = check(repository)
    assert code == 3
    assert [[row[0], row[1]] for row in rows(table)] == [
        ["`deep/good.yaml`", ":white_check_mark:"],
        ["`two.yml first`", ":white_check_mark:"],
        ["`two.yml second`", ":x:"],
    ]
    good, _, bad = rows(table)
    assert good[2].startswith("`Converted: ")
    assert float(good[3].strip("`").removesuffix(" dB")) > 60
    assert good[4].endswith(" MB")
    assert bad[2].startswith("`ModelNotFound: ")


def test_without_a_changed_conversion_there_is_nothing_to_do(repository: Path) -> None:
    (repository / "other.yaml").write_text("kind: Secret\n")
    commit(repository)
    assert check(repository) == (0, "No conversion was changed.\n")


def stand_in(folder: Path, body: str) -> list[str]:
    """Return a command that leaves what a hostile or broken converter could."""
    script = folder / "stand_in.py"
    script.write_text(
        f"import json, pathlib, sys\noutput = pathlib.Path(sys.argv[sys.argv.index('--output') + 1])\n{body}"
    )
    return [sys.executable, str(script)]


def test_words_of_a_model_can_neither_call_anybody_nor_leave_their_cell(repository: Path, tmp_path: Path) -> None:
    (repository / "same.yaml").write_text(conversion("same", "https://models.invalid/2"))
    commit(repository)
    result = {"reason": "UnsupportedOps", "message": "` | :white_check_mark: |\n| @everybody ![](http://evil.invalid)"}
    body = f"(output / 'result.json').write_text({json.dumps(json.dumps(result))})\nsys.exit(4)"
    code, table = check(repository, stand_in(tmp_path, body))
    assert code == 4
    [row] = rows(table)
    assert row[1:3] == [":x:", "`UnsupportedOps: ' \\| :white_check_mark: \\| \\| @everybody ![](http://evil.invalid)`"]


def test_a_command_that_leaves_nothing_is_told(repository: Path, tmp_path: Path) -> None:
    (repository / "same.yaml").write_text(conversion("same", "https://models.invalid/2"))
    commit(repository)
    code, table = check(repository, stand_in(tmp_path, "sys.exit(125)"))
    assert code == 125
    assert rows(table)[0][1:3] == [":x:", "the command ended with 125 and left no result"]


def test_the_workflow_is_one() -> None:
    """By actionlint; what runs is the script above, and the job that runs models holds nothing."""
    workflow = GITOPS / "pull-request.yaml"
    assert actionlint.complaints(workflow) == ""
    jobs = yaml.safe_load(workflow.read_text())["jobs"]
    assert jobs["convert"]["permissions"] == {"contents": "read"}
    [checkout] = [step for step in jobs["convert"]["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["persist-credentials"] is False
    assert "secrets." not in workflow.read_text()
    assert "github.token" not in json.dumps(jobs["convert"])
    assert CHECK.name in json.dumps(jobs["convert"])
