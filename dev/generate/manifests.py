"""Writes what kustomize and the Helm chart share: `python -m dev.generate.manifests`.

The chart's templates are the home of the operator's objects, and deploy/base is what they render. What is no template
has its home where kustomize reads it, and the chart holds a copy: Helm packs nothing from outside a chart, and tools
that fetch charts from Git drop links.
"""

import re
import subprocess
from pathlib import Path
from typing import Final

from dev.building import binaries
from dev.generate import chart_values
from dev.host.checkout import Checkout
from dev.testing.installation import NAMESPACE

ROOT: Final = Checkout.here().root
CHART: Final = ROOT / "deploy/helm/tflite-operator"
RELEASE: Final = "tflite-operator"
COPIES: Final = {
    "tfliteconversions.yaml": ROOT / "crds/tfliteconversions.yaml",
    "converter_network_policy.yaml": ROOT / "deploy/network_policies/converters/network_policy.yaml",
    "prometheus_rule.yaml": ROOT / "deploy/monitoring/prometheus_rule.yaml",
    "dashboard.json": ROOT / "deploy/monitoring/dashboard.json",
}
"""By their name in the chart's files/."""
_COPIES_PAGE: Final = CHART / "files/README.md"
_COMMAND: Final = "`python -m dev.generate.manifests`"
_ELSEWHERE: Final = {
    "operator_network_policy.yaml": ROOT / "deploy/network_policies/operator/network_policy.yaml",
    "service_monitor.yaml": ROOT / "deploy/monitoring/service_monitor.yaml",
}
"""Templates whose objects are not in deploy/base."""
_OWN: Final = {
    "config_map.yaml",
    "crd.yaml",
    "converter_network_policies.yaml",
    "prometheus_rule.yaml",
    "dashboard.yaml",
}
"""Templates of what kustomize has in its own way."""
_ROLLS_PODS: Final = re.compile(r"^ *checksum/settings: .*\n", re.MULTILINE)
"""Kustomize has the hash of the settings in the ConfigMap's name."""


def rendered(*arguments: str) -> str:
    """Return the objects that the chart renders, as `helm template` prints them.

    Raises:
        RuntimeError: Helm refuses; the message is Helm's.
    """
    helm = str(binaries.make_tool(Checkout.here(), "helm"))
    argv = [helm, "template", RELEASE, str(CHART), "--namespace", NAMESPACE, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


def by_template(text: str) -> dict[str, str]:
    """Return the objects of each template, as YAML, from what `helm template` prints."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^---\n", text, flags=re.MULTILINE)[1:]:
        source, _, content = part.partition("\n")
        name = source.rpartition("/")[2]
        found.setdefault(name, []).append(content.strip("\n") + "\n")
    return {name: "---\n".join(contents) for name, contents in found.items()}


def generated() -> dict[Path, str]:
    """Return the content of every file that is not written by hand."""
    options = ["--set", "networkPolicies.operator=true,monitoring.enabled=true"]
    templates = {name: text for name, text in by_template(rendered(*options)).items() if name not in _OWN}
    base = ROOT / "deploy/base"
    manifests = {
        _ELSEWHERE.get(name, base / name): _headed(_ROLLS_PODS.sub("", text), CHART / "templates" / name)
        for name, text in templates.items()
    }
    return manifests | copies()


def copies() -> dict[Path, str]:
    """Return the content of the chart's files/."""
    made = {
        # JSON has no comments: the page beside the copies says where it comes from.
        CHART / "files" / name: home.read_text() if home.suffix == ".json" else _headed(home.read_text(), home)
        for name, home in COPIES.items()
    }
    return made | {_COPIES_PAGE: _copies_page()}


def _headed(text: str, home: Path) -> str:
    header = f"# Written by {_COMMAND} from {home.relative_to(ROOT)}.\n"
    return f"{header}\n{text}" if text.startswith("#") else f"{header}{text}"


def _copies_page() -> str:
    rows = "".join(f"| `{name}` | `{home.relative_to(ROOT)}` |\n" for name, home in sorted(COPIES.items()))
    return (
        f"<!-- Written by {_COMMAND}. -->\n\n# Copies\n\n"
        f"Change the original, then run {_COMMAND}.\n\n| copy | original |\n| --- | --- |\n{rows}"
    )


if __name__ == "__main__":
    # These first: Helm renders nothing that does not fit the schema, and a policy with what the copied CRD has.
    for path, text in {**chart_values.written(CHART), **copies()}.items():
        path.write_text(text)
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
