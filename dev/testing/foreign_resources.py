"""The CustomResourceDefinitions of other projects that our manifests and documentation use, as published."""

import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from typing import Any, Final

import yaml

from dev.building.binaries import go_environment
from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.progress import step

Object = dict[str, Any]


@dataclass(frozen=True)
class Publication:
    """A Go module, and where in it are definitions of resources."""

    module: str
    version: str
    sum: str
    """As in a go.sum."""
    paths: tuple[str, ...]


PUBLICATIONS: Final = (
    Publication(
        "github.com/argoproj/argo-cd/v3",
        "v3.2.3",
        "h1:7PLQOVhrs/+C2S9+LfDygibOHyZIytB7oMPdlFt8fio=",
        ("manifests/crds/application-crd.yaml",),
    ),
    Publication(
        "github.com/fluxcd/helm-controller",
        "v1.4.3",
        "h1:449LcGJXLCylvrNCq8ycevwa5mxE1Mn9vxTwlsj/no8=",
        ("config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml",),
    ),
    Publication(
        "github.com/fluxcd/kustomize-controller",
        "v1.7.3",
        "h1:SzNnGn/4ObAPEHHleM5U7y/AKxKXph3Vj6ZhteeXw8M=",
        ("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
    ),
    Publication(
        "github.com/fluxcd/source-controller",
        "v1.7.3",
        "h1:gFfeBiNUgF0kFFGap/rrMeJqz+0Tod0ARENJO8w/UA8=",
        ("config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",),
    ),
    Publication(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        (
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        ),
    ),
    Publication(
        "sigs.k8s.io/kueue",
        "v0.12.3",
        "h1:BwpNe6CSwkP6Y9KiaWPB9eye4cj7RUMs5Q1vbzPNB3I=",
        tuple(
            f"config/components/crd/bases/kueue.x-k8s.io_{plural}.yaml"
            for plural in ("clusterqueues", "localqueues", "resourceflavors")
        ),
    ),
)


def definitions(checkout: Checkout) -> list[Object]:
    """Return the CustomResourceDefinitions; download what is not there yet.

    Raises:
        DevError: a module cannot be downloaded, or has another checksum.
    """
    return [yaml.safe_load(content) for publication in PUBLICATIONS for content in _contents(checkout, publication)]


def _contents(checkout: Checkout, publication: Publication) -> list[bytes]:
    name = f"{publication.module}@{publication.version}"
    with step(f"having {name}"), zipfile.ZipFile(_downloaded(checkout, publication, name)) as archive:
        return [archive.read(f"{name}/{path}") for path in publication.paths]


def _downloaded(checkout: Checkout, publication: Publication, name: str) -> str:
    # The sum stands above, and no server needs to be asked for it; for another Go, which the module may need, one does.
    environment = {**os.environ, **go_environment(checkout), "GONOSUMDB": publication.module}
    argv = [shutil.which("go") or "go", "mod", "download", "-json", name]
    done = subprocess.run(argv, cwd="/", capture_output=True, text=True, check=False, env=environment)
    answer = json.loads(done.stdout or "{}")
    if "Zip" not in answer:
        raise DevError(f"{name} cannot be downloaded: {answer.get('Error') or done.stderr}")
    if answer["Sum"] != publication.sum:
        raise DevError(f"{name} has the sum {answer['Sum']}, not {publication.sum}")
    return str(answer["Zip"])
