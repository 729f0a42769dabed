"""The commands of the documentation's pages, run as they are written, each page by itself, on a running operator.

documented_commands.py says which pages these are, and which of their blocks are not run and why. Before the commands of
a page come those of docs/how-to/playground.md, for a team of a name of its own: a namespace, a bucket with its Secret,
two models. What a page takes from its reader beyond that is in BROUGHT.
"""

import hashlib
import os
import re
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock
from kubernetes import client
from mypy_boto3_s3 import S3Client

from tests.e2e.conftest import FAILED, SECRET
from tests.e2e.documents import documented_commands
from tests.e2e.documents.documented_commands import PAGES, ROOT
from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.environment import Environment

pytestmark = pytest.mark.tensorflow

SECONDS = 300
"""For the commands of a page: fewer than pytest's own, which would hide what they printed."""
MOVED = {
    "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5": "$HUB_URL/$TEAM/mobilenet/5",
    "s3://datasets/": "s3://$TEAM/",
    "bucket: models": "bucket: $TEAM",
    "https://s3.example.com": "$S3_ENDPOINT",
}
"""Addresses of the README's conversion, and what they are here; the rest of it is applied as it stands there."""

MOBILENET = """\
python - <<'EOF'
import os, boto3, keras, numpy
from pathlib import Path
keras.utils.set_random_seed(1)
layers = [keras.Input((224, 224, 3), name="inputs"), keras.layers.Conv2D(8, 3, strides=4, activation="relu"),
          keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, name="logits")]
keras.Sequential(layers).export(Path(os.environ["HUB_DIR"]) / os.environ["TEAM"] / "mobilenet/5")
numpy.savez("samples.npz", inputs=numpy.random.default_rng(1).uniform(0, 1, (16, 224, 224, 3)).astype("float32"))
boto3.client("s3").upload_file("samples.npz", os.environ["TEAM"], "imagenet-calibration.npz")
EOF"""
FLOWERS = """\
cat > {file} <<EOF
apiVersion: tflite-operator.dev/v1alpha1
kind: TFLiteConversion
metadata: {{name: {name}}}
spec:
  model: {{handle: $HUB_URL/$TEAM/flowers/1}}
  destination:
    s3: {{bucket: $TEAM, key: {name}.tflite, endpoint: $S3_ENDPOINT, secretRef: {{name: s3-credentials}}}}
EOF"""
GIT = "git -c user.name=a -c user.email=a@example.com -c commit.gpgsign=false"


def readme_conversion() -> str:
    """Return the command that writes the README's conversion."""
    [written] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for address, here in MOVED.items():
        assert address in written, f"the README's conversion has {address} no longer"
        written = written.replace(address, here)
    return f"cat > conversion.yaml <<EOF\n{written}EOF"


def brought_to_gitops() -> list[str]:
    """Return a conversion to apply, and a repository whose branch brings another one to origin/main."""
    return [
        FLOWERS.format(file="conversion.yaml", name="mobilenet-v2"),
        f"cp {ROOT}/examples/gitops/check_conversions.py .",
        "git init --quiet",
        f"{GIT} commit --quiet --allow-empty --message main",
        "git update-ref refs/remotes/origin/main HEAD",
        FLOWERS.format(file="flowers.yaml", name="flowers"),
        "git add flowers.yaml",
        f"{GIT} commit --quiet --message flowers",
    ]


BROUGHT: dict[str, Callable[[], list[str]]] = {
    "README.md": lambda: [MOBILENET, readme_conversion(), "cp -r $HUB_DIR/$TEAM/flowers/1 saved_model"],
    "docs/how-to/gitops.md": brought_to_gitops,
}
"""Commands that bring what a page takes from the reader: files that it names and does not make."""


@dataclass(frozen=True)
class Reader:
    """Somebody with a shell of their own, whose kubectl, bucket and models nobody else uses."""

    team: str
    variables: dict[str, str] = field(repr=False)
    """With credentials among them."""

    def types(self, commands: Sequence[str]) -> tuple[int, str]:
        """Return the exit code of a script of these commands, and all that was printed."""
        # `timeout` ends what the script started as well, which would keep the output from ending.
        argv = ["timeout", str(SECONDS), "bash", "-c", documented_commands.script(commands)]
        where = self.variables["TMPDIR"]
        ended = subprocess.run(
            argv,
            check=False,
            cwd=where,
            env=self.variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return ended.returncode, ended.stdout


@pytest.fixture
def reader(env: Environment, tmp_path: Path) -> Reader:
    team = f"e2e-docs-{secrets.token_hex(4)}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch(0o600)
    # A copy: the playground's commands write into it.
    argv = [*env.kubectl, "config", "view", "--raw", "--flatten", "--minify"]
    kubeconfig.write_bytes(subprocess.run(argv, check=True, capture_output=True).stdout)
    return Reader(team, {**os.environ, "TEAM": team, "KUBECONFIG": str(kubeconfig), "TMPDIR": str(tmp_path)})


@pytest.fixture
def playground(
    reader: Reader, env: Environment, api: client.ApiClient, operator: None, request: pytest.FixtureRequest
) -> Iterator[list[str]]:
    """Yield the commands that make the playground, and take away afterwards what is there of it."""
    made, removed = documented_commands.playground()
    yield made
    if request.node.stash.get(FAILED, False):
        print(Workbench(env, api, reader.team, reader.team, SECRET).explain())
    for command in removed:
        # Each by itself: where a test failed there may be nothing for one, and something for the next.
        print(reader.types([command])[1])


def with_models_of_before(env: Environment, commands: Sequence[str]) -> list[str]:
    """Return the playground's commands with a copy in the place of the one that makes models: Keras takes seconds.

    What is copied is what this very command made, once for all pages; another test runs it as it is written.
    """
    [making] = [command for command in commands if "keras" in command]
    made = env.hub_dir / "e2e" / f"playground-{hashlib.sha256(making.encode()).hexdigest()[:16]}"
    with FileLock(env.hub_dir / ".lock"):
        if not made.exists():
            partial = made.with_name(f".{made.name}")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            variables = {**os.environ, "HUB_DIR": str(partial), "TEAM": "team"}
            subprocess.run(["bash", "-c", making], check=True, env=variables)
            (partial / "team").rename(made)
            partial.rmdir()
    copying = f'cp -r {shlex.quote(str(made))} "$HUB_DIR/$TEAM"'
    return [copying if command == making else command for command in commands]


def left(reader: Reader, env: Environment, s3: S3Client) -> list[str]:
    """Name what is there of the reader's."""
    namespace = subprocess.run(
        [*env.kubectl, "get", "namespace", reader.team, "--ignore-not-found", "-o", "name"],
        check=True,
        capture_output=True,
    ).stdout
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    places = {"namespace": namespace, "bucket": reader.team in buckets, "models": (env.hub_dir / reader.team).exists()}
    return [place for place, is_there in places.items() if is_there]


def test_the_playground_is_there_and_goes(
    reader: Reader, playground: list[str], env: Environment, s3: S3Client
) -> None:
    code, printed = reader.types(playground)
    assert code == 0, printed
    assert left(reader, env, s3) == ["namespace", "bucket", "models"]
    _, removed = documented_commands.playground()
    code, printed = reader.types(removed)
    assert code == 0, printed
    assert left(reader, env, s3) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(reader: Reader, env: Environment, playground: list[str], page: str) -> None:
    brought = BROUGHT[page]() if page in BROUGHT else []
    code, printed = reader.types(
        [*with_models_of_before(env, playground), *brought, *documented_commands.run_commands(page)]
    )
    assert code == 0, printed
    absent = [words for words in PAGES[page] if words.format(team=reader.team) not in printed]
    assert absent == [], printed
