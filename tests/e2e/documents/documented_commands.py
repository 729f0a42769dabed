"""The commands of the documentation's console blocks, which of them a test runs, and why the others are not run."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
TUTORIAL: Final = "docs/tutorial.md"
"""documents/test_tutorial.py runs it, from nothing to the end."""
PLAYGROUND: Final = "docs/how-to/playground.md"
"""Its commands come before those of every page of PAGES, and those that take it away again after them."""
GIVEN: Final = ("make up", 'eval "$(make -s env)"', "export TEAM=meadow")
"""What has happened already when a test runs; the tests give names of their own."""
_END: Final = "\n## When you have enough\n"

PAGES: Final[dict[str, tuple[str, ...]]] = {
    "README.md": ("mobilenet-v2   True    Converted   Int8",),
    "docs/how-to/attestation.md": (
        "s3://{team}/flowers/1.tflite.intoto.jsonl",
        "1.tflite is what 1.tflite.intoto.jsonl speaks of",
    ),
    "docs/how-to/gitops.md": ("mobilenet-v2 condition met",),
    "docs/how-to/calibration-data.md": ("flowers-int8 condition met",),
    "docs/how-to/choosing-a-quantization.md": ("flowers-weightonlyint8   True    Converted   WeightOnlyInt8",),
    "docs/how-to/many-conversions.md": ("birds-weightonlyint8.yaml",),
    "docs/how-to/metrics.md": ("flowers-measured condition met", '"name":"Top1Accuracy"'),
    "docs/how-to/private-models.md": ("flowers-private condition met",),
    "docs/how-to/report.md": ("s3://{team}/flowers/1.tflite.report.html",),
    "docs/sources.md": ("secret/kaggle created",),
}
"""The pages that documents/test_documented_commands.py runs, each with what its commands are to print."""

_REGISTRY: Final = "needs a registry of the reader's"
_HELM: Final = "Helm installs another operator: clusters/test_install_helm.py"
_FAILURE: Final = "asks about a failure of the reader's: clusters/test_cluster_obstacles.py brings some about"
_KIND: Final = "kind needs Docker: tests/unit/deploy/test_kind_example.py tries the files by themselves"
_USAGE: Final = "typer's word on what may be written, not a command"

NOT_RUN: Final[dict[tuple[str, str], str]] = {
    ("README.md", "helm install"): _HELM,
    ("README.md", "pip install"): "fetches half a gigabyte: both images are built from the same lock file",
    (
        "docs/how-to/attestation.md",
        "cosign verify-blob-attestation",
    ): "asked of cosign's own library: artifacts/test_attestation.py",
    ("docs/cli.md", "pip install"): "fetches half a gigabyte: both images are built from the same lock file",
    ("docs/cli.md", "tflite-convert inspect"): _USAGE,
    ("docs/cli.md", "tflite-convert init"): _USAGE,
    ("docs/cli.md", "tflite-convert run"): _USAGE,
    ("docs/cli.md", "tflite-convert compare"): _USAGE,
    ("docs/cli.md", "tflite-convert verify-attestation"): _USAGE,
    (
        "docs/how-to/gitops.md",
        "kubectl patch configmap argocd-cm",
    ): "Argo CD is not there: clusters/test_gitops.py patches another's",
    (
        "docs/how-to/variants.md",
        "kubectl get tflc flowers",
    ): "prints what artifacts/test_variants.py reads from the status",
    ("docs/installing.md", "docker build"): _REGISTRY,
    ("docs/installing.md", "kubectl create namespace"): _HELM,
    ("docs/installing.md", "kubectl create secret docker-registry"): _REGISTRY,
    ("docs/installing.md", "kubectl create secret generic proxy"): "needs a proxy of the reader's",
    ("docs/installing.md", "kubectl create configmap authorities"): "needs a certificate of the reader's",
    ("docs/installing.md", "helm upgrade"): _HELM,
    (
        "docs/installing.md",
        "kubectl apply --server-side",
    ): "changes the resource under other tests: clusters/test_install_helm.py",
    ("docs/installing.md", "helm uninstall"): _HELM,
    ("docs/installing.md", "kubectl delete namespace"): "removes the operator: clusters/test_install_helm.py",
    ("docs/installing.md", "kubectl delete crd"): "removes every conversion: clusters/test_install_helm.py",
    ("docs/installing.md", "helm install"): _HELM,
    ("docs/how-to/own-cluster.md", "docker build"): _KIND,
    ("docs/how-to/own-cluster.md", "kubectl apply --server-side"): _KIND,
    ("docs/how-to/own-cluster.md", "kubectl create namespace"): _KIND,
    ("docs/how-to/own-cluster.md", "kubectl apply --namespace"): _KIND,
    ("docs/operations.md", "kubectl describe tflc"): _FAILURE,
    ("docs/operations.md", "kubectl logs -n"): _FAILURE,
    ("docs/operations.md", "kubectl logs job"): _FAILURE,
    ("docs/operations.md", "kubectl describe pod"): _FAILURE,
    (
        "docs/operations.md",
        "kubectl taint node",
    ): "makes a node of the reader's lose its pods: clusters/test_other_clusters.py",
    ("docs/operations.md", "kubectl annotate"): _FAILURE,
    ("docs/operations.md", "kubectl patch"): _FAILURE,
    (
        "docs/operations.md",
        "kubectl get lease",
    ): "needs the operator of a deployment: operator/test_high_availability.py",
    (
        "docs/sources.md",
        "tflite-convert inspect s3:",
    ): "a server of the reader's: spec/test_first_conversion.py has its own",
    (
        "docs/security.md",
        "kubectl apply -k",
    ): "in a namespace of the reader's: security/test_security_network.py applies it in its own",
}
"""Blocks that no test runs as they are written: the page, how the first command begins, and why not."""


@dataclass(frozen=True)
class Block:
    """A console block of a page."""

    page: str
    line: int
    commands: tuple[str, ...]

    @property
    def excuses(self) -> list[tuple[str, str]]:
        """The entries of NOT_RUN that speak of it."""
        first = self.commands[0] if self.commands else ""
        return [(page, begin) for page, begin in NOT_RUN if page == self.page and first.startswith(begin)]

    @property
    def is_run(self) -> bool:
        """Return whether a test runs it."""
        return self.page in {TUTORIAL, PLAYGROUND, *PAGES} and not self.excuses


def pages() -> list[str]:
    """Return the pages of the documentation."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(path.relative_to(ROOT)) for path in found]


def blocks(page: str) -> list[Block]:
    """Return the console blocks of a page."""
    return list(_blocks(page, (ROOT / page).read_text()))


def _blocks(page: str, text: str) -> Iterator[Block]:
    for found in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, text.count("\n", 0, found.start()) + 1, tuple(_commands(found[1])))


def _commands(block: str) -> Iterator[str]:
    """Yield what follows a prompt, with continued lines and here-documents: what the copy button takes."""
    lines = iter(block.splitlines())
    for line in lines:
        if not line.startswith("$ "):
            continue
        command = [line.removeprefix("$ ")]
        while command[-1].endswith("\\"):
            command.append(next(lines, ""))
        if re.search(r"<<'?EOF'?", command[-1]):
            for more in lines:
                command.append(more)
                if more == "EOF":
                    break
        yield "\n".join(command)


def run_commands(page: str) -> list[str]:
    """Return the commands of a page that are run, except those of GIVEN."""
    found = [command for block in blocks(page) if block.is_run for command in block.commands]
    return [command for command in found if command not in GIVEN]


def playground() -> tuple[list[str], list[str]]:
    """Return the commands that make the playground after GIVEN, and those that remove it."""
    before, _, _ = (ROOT / PLAYGROUND).read_text().partition(_END)
    all_of_them = [command for block in blocks(PLAYGROUND) for command in block.commands]
    made = [command for block in _blocks(PLAYGROUND, before) for command in block.commands]
    return [command for command in made if command not in GIVEN], all_of_them[len(made) :]


def script(commands: Iterable[str]) -> str:
    """Return a script that ends at the first command that fails.

    Each command is said before it runs, as it is written: without what its variables hold.
    """
    told = (f"echo {shlex.quote(f'$ {command}')}\n{command}" for command in commands)
    return "\n".join(["set -euo pipefail", *told])
