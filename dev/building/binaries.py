"""Programs built from source with the Go toolchain: the Go module proxy serves source only.

Modules and versions are pinned by the go.mod and go.sum beside the code; nothing is resolved while building.
What several programs need is compiled once where they need the same version of it, and of all that it needs. So
the tests' programs have the versions that Kubernetes has, or Kubernetes theirs; `go get` in both keeps it that way.
"""

import contextlib
import json
import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from dev.host import commands, files
from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.lock import held
from dev.host.progress import step

KUBERNETES = "v1.35.4"
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)


# The linker leaves out what debuggers read (-s -w); not to make it saves a tenth of the compiler's time.
_WITHOUT_DEBUGGING = ("-gcflags=all=-dwarf=false",)


@dataclass(frozen=True)
class Build:
    """One Go program."""

    name: str
    source: str
    """The module's folder below dev/."""
    package: str
    takes: str
    """How long it takes cold, shown so that it does not look as if it hung."""
    ldflags: str = "-s -w"
    tags: tuple[str, ...] = ()


# For the scale benchmark alone; they take long to build, so nothing else waits for them.
FOR_SCALE = (
    Build("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "three to four minutes on 2 cores"),
    Build("scale-peer", "scale_peer", ".", "two minutes on 2 cores"),
)

# Knows GitHub's workflows; made when asked for.
ACTIONLINT = Build("actionlint", "workflows", "github.com/rhysd/actionlint/cmd/actionlint", "half a minute")
# Cosign's own library, for files alone (dev/cosign/main.go); made when asked for.
COSIGN = Build("cosign-blob", "cosign", ".", "about a minute on 2 cores")


def builds() -> list[Build]:
    """List the cluster's programs."""
    version = "k8s.io/component-base/version"
    _, minor, _ = KUBERNETES.split(".")
    stamps = {"gitVersion": KUBERNETES, "gitMajor": "1", "gitMinor": minor, "gitTreeState": "clean"}
    stamped = " ".join(f"-X {version}.{name}={value}" for name, value in stamps.items())
    return [
        Build("pause", "kubernetes", "./pause", "seconds"),
        Build("versitygw", "s3server", "github.com/versity/versitygw/cmd/versitygw", "one to two minutes"),
        Build("kubernetes", "kubernetes", ".", "four to seven minutes on 2 cores", f"-s -w {stamped}"),
    ]


def tools() -> list[Build]:
    """List the programs that tests alone use: built on demand, as the cluster needs none of them."""
    return [
        Build("kstatus", "gitops", "./kstatus", "half a minute"),
        Build("argolua", "gitops", "./argolua", "seconds"),
        Build("toxiproxy", "toxiproxy", "github.com/Shopify/toxiproxy/v2/cmd/server", "half a minute"),
    ]


def prometheus() -> list[Build]:
    """List the programs that know Prometheus' language: built on demand, as they would delay `make up` too long."""
    # Without the clients of two dozen clouds.
    tags = ("remove_all_sd",)
    return [
        Build(
            "promtool", "prometheus", "github.com/prometheus/prometheus/cmd/promtool", "two to three minutes", tags=tags
        ),
        Build("selectors", "prometheus", "./selectors", "seconds after promtool"),
    ]


def installers() -> list[Build]:
    """List the programs that people install the operator with: built on demand."""
    version = "-X helm.sh/helm/v4/internal/version.version=v4.1.4"
    return [
        Build("helm", "installers", "helm.sh/helm/v4/cmd/helm", "one to two minutes on 2 cores", f"-s -w {version}"),
        Build("kustomize", "installers", "sigs.k8s.io/kustomize/kustomize/v5", "seconds after helm"),
    ]


def for_tests() -> list[Build]:
    """List all that the tests of `make test` use beside the cluster's programs."""
    return [*tools(), *installers(), *prometheus(), COSIGN, ACTIONLINT]


def gitops() -> list[Build]:
    """List Flux's controllers, and what compares as Argo CD does: `make gitops` alone uses them."""
    module = "github.com/fluxcd"
    return [
        Build("kustomize-controller", "flux", f"{module}/kustomize-controller", "two to three minutes on 2 cores"),
        Build("source-controller", "flux", f"{module}/source-controller", "a minute after that"),
        Build("helm-controller", "flux", f"{module}/helm-controller", "seconds after those"),
        Build("argodiff", "argocd", ".", "two to three minutes on 2 cores"),
    ]


def make(checkout: Checkout) -> None:
    """Build the cluster's programs that are not there or were built from something else."""
    with _alone(checkout):
        for build in builds():
            _make(checkout, build)
        for name in PROGRAMS:
            _link(checkout.bin / name, "kubernetes")


def make_tools(checkout: Checkout) -> None:
    """Build what `make test` asks for sooner or later, so that no test waits for a compiler."""
    with _alone(checkout):
        for build in for_tests():
            _make(checkout, build)


def make_tool(checkout: Checkout, name: str) -> Path:
    """Build one of the programs if it is not current; return its path."""
    every = (*builds(), *for_tests(), *FOR_SCALE, *gitops())
    [build] = [one for one in every if one.name == name]
    with _alone(checkout):
        _make(checkout, build)
    return checkout.bin / name


def module_folder(checkout: Checkout, source: str, module: str) -> Path:
    """Return where the files of a module are that one of our own requires, compared with its go.sum."""
    argv = ["go", "mod", "download", "-json", module]
    done = subprocess.run(
        argv,
        cwd=checkout.root / "dev" / source,
        env={**os.environ, **go_environment(checkout)},
        check=False,
        capture_output=True,
        text=True,
    )
    answer = json.loads(done.stdout or "{}")
    if done.returncode != 0 or "Dir" not in answer:
        raise DevError(f"{module} cannot be had: {answer.get('Error') or done.stderr.strip()}")
    return Path(answer["Dir"])


def fingerprint(checkout: Checkout) -> str:
    """Return what the cluster's present programs were built from."""
    stamps = [_stamp(checkout, build) for build in builds()]
    return " ".join(stamp.read_text() if stamp.exists() else "none" for stamp in stamps)


def _alone(checkout: Checkout) -> AbstractContextManager[None]:
    return held(checkout.cache / "go" / "build.lock", "another build of the programs")


def _make(checkout: Checkout, build: Build) -> None:
    source = checkout.root / "dev" / build.source
    inputs = files.fingerprint(checkout.root, [source], build.package, build.ldflags, *build.tags, _go_version())
    target, stamp = checkout.bin / build.name, _stamp(checkout, build)
    if target.exists() and stamp.exists() and stamp.read_text() == inputs:
        return
    checkout.bin.mkdir(parents=True, exist_ok=True)
    # The stamp goes first and comes last: between the two, nothing vouches for the program.
    stamp.unlink(missing_ok=True)
    for leftover in checkout.bin.glob(f".{build.name}.new-*"):
        leftover.unlink()
    # A name of its own: the compiler of a killed run may still be writing to the old one.
    fresh = checkout.bin / f".{build.name}.new-{os.getpid()}"
    with step(f"building {build.name}", cold=build.takes):
        argv = ["go", "build", "-mod=readonly", "-trimpath", *_WITHOUT_DEBUGGING]
        argv += ["-ldflags", build.ldflags, "-o", str(fresh)]
        argv += ["-tags", ",".join(build.tags)] if build.tags else []
        _go(checkout, [*argv, build.package], source)
        fresh.replace(target)
    files.write(stamp, inputs)


def _go(checkout: Checkout, argv: list[str], folder: Path) -> None:
    log = checkout.cache / "log" / f"go-build-{folder.name}.log"
    commands.run(argv, log, folder=folder, environment=go_environment(checkout))


def go_environment(checkout: Checkout) -> dict[str, str]:
    """Return the variables by which Go keeps its downloads and builds in this checkout's cache."""
    go = checkout.cache / "go"
    flags = f"{os.environ.get('GOFLAGS', '')} -modcacherw -buildvcs=false".strip()
    return {
        "CGO_ENABLED": "0",
        # The compiler's own garbage collection is a good part of a cold build; memory is not what is short here.
        "GOGC": os.environ.get("GOGC", "400"),
        # Writable, or removing the cache would fail on its folders.
        "GOFLAGS": flags,
        "GOMODCACHE": str(go / "mod"),
        "GOCACHE": str(go / "build"),
        "GOWORK": "off",
    }


def _go_version() -> str:
    go = shutil.which("go")
    if go is None:
        raise DevError("Go is missing; see https://go.dev/dl")
    return subprocess.run([go, "env", "GOVERSION"], check=True, capture_output=True, text=True).stdout.strip()


def _link(link: Path, target: str) -> None:
    with contextlib.suppress(OSError):
        if link.readlink() == Path(target):
            return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def _stamp(checkout: Checkout, build: Build) -> Path:
    return checkout.bin / f".{build.name}.built-from"
