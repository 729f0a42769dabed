"""Flux is installed as its modules publish it, with our images and an address in the place of a name."""

import re
from pathlib import Path

import yaml

from dev.host.checkout import Checkout
from dev.testing import flux, foreign_resources

REQUIRED = dict(
    re.findall(
        r"^\tgithub\.com/fluxcd/([a-z]+-controller) (v\S+)$",
        (Checkout.here().root / "dev/flux/go.mod").read_text(),
        re.MULTILINE,
    )
)


def test_each_controller_brings_its_resources_its_rights_and_itself() -> None:
    published = {name: Path(f"/modules/{name}/config") for name in flux.CONTROLLERS}
    made = flux.kustomization(Path("/checkout/.cache/flux"), published, "10.0.0.7")
    assert "../../../modules/helm-controller/config/rbac" in made["resources"]
    assert len(made["resources"]) == 3 * len(flux.CONTROLLERS)
    assert {"name": "fluxcd/helm-controller", "newName": "localhost/helm-controller", "newTag": "dev"} in made["images"]
    [source] = [one for one in made["patches"] if one["target"]["name"] == "source-controller"]
    checked, replaced = yaml.safe_load(source["patch"])
    assert checked["op"] == "test"
    assert replaced["value"] == "--storage-adv-addr=10.0.0.7"


def test_the_resources_that_examples_are_held_to_are_those_of_the_controllers() -> None:
    held = {
        one.module.removeprefix("github.com/fluxcd/"): one.version
        for one in foreign_resources.PUBLICATIONS
        if one.module.startswith("github.com/fluxcd/")
    }
    assert set(REQUIRED) == set(flux.CONTROLLERS)
    assert held == REQUIRED
