"""The overlay names the images that were asked for."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.testing import installation


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("localhost/operator:dev", "localhost/operator", "dev"),
        ("registry:5000/operator", "registry:5000/operator", None),
        ("registry:5000/operator:1", "registry:5000/operator", "1"),
    ],
)
def test_an_image_is_taken_apart_at_its_tag(image: str, name: str, tag: str | None) -> None:
    found: Any = installation.overlay("../deploy", image, "converter:1")
    (replaced,) = found["images"]
    assert replaced["newName"] == name
    assert replaced.get("newTag") == tag


def test_the_overlay_replaces_names_that_the_base_has() -> None:
    deploy = Path(installation.ROOT / "deploy/base")
    found: Any = installation.overlay("../deploy", "a:1", "b:2")
    deployment = yaml.safe_load((deploy / "deployment.yaml").read_text())
    base = yaml.safe_load((deploy / "kustomization.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].partition(":")[0] == found["images"][0]["name"]
    assert base["configMapGenerator"][0]["namespace"] == found["configMapGenerator"][0]["namespace"]
    assert base["configMapGenerator"][0]["name"] == found["configMapGenerator"][0]["name"]
    variable = found["configMapGenerator"][0]["literals"][0].partition("=")[0]
    assert base["configMapGenerator"][0]["literals"][0].startswith(f"{variable}=")


def test_a_new_image_under_the_same_tag_replaces_the_pods() -> None:
    deployment = yaml.safe_load((installation.ROOT / "deploy/base/deployment.yaml").read_text())
    found: Any = installation.overlay("../deploy", "a:1", "b:2", "sha256:0123")
    (patch,) = found["patches"]
    (change,) = yaml.safe_load(patch["patch"])
    node: Any = deployment
    for part in change["path"].strip("/").split("/")[:-1]:
        node = node[part]
    assert (change["op"], change["value"], type(node)) == ("add", "sha256:0123", dict)
    assert patch["target"]["name"] == deployment["metadata"]["name"]
    plain: Any = installation.overlay("../deploy", "a:1", "b:2")
    assert plain["patches"] == []
